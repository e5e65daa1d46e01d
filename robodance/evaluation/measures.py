"""Every measure of the kit: what it is called, what it means, whose it is.

``as_printed`` follows a paper's formula, ``as_coded`` what its published code does, where
the two differ; a measure without a mark is one on which they agree, or has only one source.
"""

from __future__ import annotations

from dataclasses import dataclass

from robodance.evaluation.beats import TOLERANCES_S

__all__ = ["MEASURES", "Measure", "measure_named"]


@dataclass(frozen=True)
class Measure:
    """One column of the table.

    Attributes:
        key: Its name in JSON.
        title: Its name for people.
        unit: Of the number.
        digits: After the point.
        better: ``low``, ``high``, or ``real``: as real dance has it.
        group: ``realism``, ``style``, ``body``, ``beat``, ``music`` or ``variety``.
        kind: How a row's number comes about: ``sum`` (numerators over denominators of the
            dances), ``lock``, or a distance between sets of clips.
        meaning: Definition and source.
        main: In the table on the screen.
        form: ``as_printed``, ``as_coded`` or empty.
    """

    key: str
    title: str
    unit: str
    digits: int
    better: str
    group: str
    kind: str
    meaning: str
    main: bool = False
    form: str = ""


LEE = "Lee et al. 2019 (Dancing to Music)"
HUANG = "Huang et al. 2020 (Dance Revolution)"
AIST = "Li et al. 2021 (AI Choreographer), features of fairmotion"
PRINTED, CODED = "as_printed", "as_coded"

_DETECTOR_NAMES = {
    "directogram": ("directogram", LEE, ""),
    "deviation": ("deviation of motion", f"{HUANG}, Ban 2021", PRINTED),
    "drops": ("deviation of motion", "Yalta et al. 2019, the code Ban 2021 used", CODED),
    "minima": ("speed minima", AIST, ""),
}


def _beat_measures() -> list[Measure]:
    found = []
    for key, (title, source, form) in _DETECTOR_NAMES.items():
        found.append(
            Measure(
                f"coverage_{key}",
                f"beat coverage, {title}",
                "%",
                1,
                "real",
                "beat",
                "sum",
                f"Kinematic beats for each beat of the music, B_k / B_m. Detector: {source}.",
                form=form,
            )
        )
        found += [
            Measure(
                f"hit_{key}_{1000 * tolerance:.0f}",
                f"beat hits, {title}, ±{1000 * tolerance:.0f} ms",
                "%",
                1,
                "real",
                "beat",
                "sum",
                f"Kinematic beats within {1000 * tolerance:.0f} ms of a beat of the music, "
                "B_a / B_k, after one constant part of a beat for each genre, measured on "
                f"training motion, is taken out. Detector: {source}.",
                main=key == "minima" and tolerance == TOLERANCES_S[1],
                form=form,
            )
            for tolerance in TOLERANCES_S
        ]
    return found


MEASURES: tuple[Measure, ...] = (
    Measure(
        "frechet_style", "Fréchet distance, style", "", 2, "low", "realism", "frechet:style",
        "Fréchet distance to training clips in the last layer of a style classifier trained on "
        f"them; clips of 1 s and their mirror images. {LEE}, {HUANG}, whose classifiers saw "
        "2-D poses.", main=True, form=PRINTED,
    ),
    Measure(
        "frechet_style_fair", "Fréchet distance, style, equal counts", "", 2, "low", "realism",
        "fair:style",
        "The same with as many clips from each row as the row with the fewest has (mean of "
        "20 draws): few clips alone make a Fréchet distance large.", main=True,
    ),
    Measure(
        "frechet_channels", "“Fréchet” over channels", "", 3, "low", "realism", "channels:style",
        "As Ban 2021 coded it: for each pair of clips the distance of the scalar Gaussians "
        "through their channels, averaged. On our classifier's layer, not on her discriminator's.",
        form=CODED,
    ),
    Measure(
        "frechet_kinetic", "Fréchet distance, kinetic", "", 1, "low", "realism", "frechet:kinetic",
        f"On 63 kinetic features of 21 joints, on the scale of real clips, in seconds. {AIST}.",
        form=PRINTED,
    ),
    Measure(
        "frechet_kinetic_coded", "Fréchet distance, kinetic", "", 1, "low", "realism",
        "frechet:kinetic_coded",
        "The same at 60 frames a second with 1/30 s for a frame.", form=CODED,
    ),
    Measure(
        "frechet_geometric", "Fréchet distance, geometric", "", 1, "low", "realism",
        "frechet:geometric",
        f"On 32 geometric features mapped to 21 joints, in the dancer's own lengths. {AIST}.",
        form=PRINTED,
    ),
    Measure(
        "frechet_geometric_coded", "Fréchet distance, geometric", "", 1, "low", "realism",
        "frechet:geometric_coded",
        "The same at 60 frames a second with 1/120 s for a frame and SMPL's lengths.", form=CODED,
    ),
    Measure(
        "nearest", "nearest training clip", "cm", 2, "low", "realism", "sum",
        "Distance of each 1-s clip to the nearest of the training units and of the joins that the "
        "choreographies make, or its mirror image, at the genre's usual beat, seen from the body; "
        "root mean square over joints and frames. 0 is a copy.", main=True,
    ),
    Measure(
        "novelty", "novelty (DTW)", "cm", 2, "real", "realism", "sum",
        "The same for 2-s segments after dynamic time warping within 10 %. Ahn et al. 2020 use "
        "DTW against the training set and print no length, distance or band.", main=True,
    ),
    Measure(
        "drift", "late over early Fréchet distance", "", 2, "low", "realism", "drift",
        "Fréchet distance (style) of the last third of the 4-s pieces of long dances over the "
        f"first third's; the curve is on the page. After {HUANG}, who plot 15 pieces.",
    ),
    Measure(
        "style_dance", "style accuracy, dances", "%", 1, "high", "style", "share",
        "Dances whose mean log-probability is largest for the music's genre. "
        f"{HUANG} (there: one answer a dance).", main=True,
    ),
    Measure(
        "style_clip", "style accuracy, clips", "%", 1, "high", "style", "share",
        "Clips of 1 s that the classifier takes for the music's genre.",
    ),
    Measure(
        "speed", "mean speed", "m/s", 3, "real", "body", "sum", "Mean speed of the 21 joints.",
        main=True,
    ),
    Measure(
        "speed_share", "speed against rebuilt", "%", 1, "real", "body", "sum",
        "Mean speed as a share of the rebuilt dances' of the same genre.",
    ),
    Measure(
        "slow", "frozen windows", "%", 2, "real", "body", "sum",
        "1-s windows under 25 % of the rebuilt dances' mean speed.", main=True,
    ),
    Measure(
        "fast", "over-fast windows", "%", 2, "real", "body", "sum",
        "1-s windows over 220 % of it.", main=True,
    ),
    Measure(
        "slide", "support-foot slide", "m/s", 3, "low", "body", "sum",
        "Mean horizontal speed of ankle and toe of feet that stand (within 3 cm of their own "
        "resting heights).", main=True,
    ),
    Measure(
        "contact", "standing feet", "", 3, "real", "body", "sum",
        "Share of frames in which a foot stands, mean of both feet.",
    ),
    Measure(
        "fsr", "foot-skate ratio", "%", 2, "low", "body", "sum",
        "Frames in contact in which a foot moves by more than 1 cm, at 30 a second; Li et al. "
        "2024 (LODGE), contact within 3 cm of the dance's own resting heights.", form=PRINTED,
    ),
    Measure(
        "fsr_coded", "foot-skate ratio", "%", 2, "low", "body", "sum",
        "The same with contact under 8 cm (ankle) and 5 cm (toe), which bodies of markers on "
        "shoes hardly reach, and the mean of the two horizontal displacements.", form=CODED,
    ),
    Measure(
        "pfc", "physical foot contact", "", 4, "real", "body", "sum",
        "Root acceleration times both feet's speeds, in m²/s²; Tseng et al. 2023 (EDGE). A "
        "body that stands still has 0.", form=PRINTED,
    ),
    Measure(
        "pfc_coded", "physical foot contact", "", 3, "real", "body", "sum",
        "The same with displacements a frame at 30 a second, times 10,000.", form=CODED,
    ),
    Measure(
        "bones", "bone wobble", "%", 2, "low", "body", "sum",
        "Mean deviation of bone lengths from the dance's own.",
    ),
    *_beat_measures(),
    Measure(
        "coverage_coded", "beat coverage by onset peaks", "%", 1, "real", "beat", "sum",
        "As Ban 2021 coded it: velocity drops over peaks of the onset strength.", form=CODED,
    ),
    Measure(
        "hit_coded", "beat hits on any onset, ±150 ms", "%", 1, "real", "beat", "sum",
        "As Ban 2021 coded it: velocity drops near any onset, of which there are many.",
        form=CODED,
    ),
    Measure(
        "alignment_kinematic", "beat alignment, kinematic to music", "", 3, "real", "beat", "sum",
        "Mean of exp(-d²/2s²), s = 50 ms, over kinematic beats (speed minima); Li et al. 2021.",
    ),
    Measure(
        "alignment_music", "beat alignment, music to kinematic", "", 3, "real", "beat", "sum",
        "The same over beats of the music (any minimum of the smoothed speed); Siyao et al. 2022 "
        "(Bailando) and later.",
    ),
    Measure(
        "lock", "acceleration lock", "", 3, "high", "beat", "lock:1",
        "How much of the joints' acceleration, at 25 frames a second, comes at one moment of the "
        "beat, 0 to 1; over all dances of a genre, then the mean of the genres.", main=True,
    ),
    Measure(
        "lock_two", "acceleration lock, two beats", "", 3, "high", "beat", "lock:2",
        "The same over two beats.",
    ),
    Measure(
        "energy", "energy follows loudness", "", 2, "high", "music", "sum",
        "Correlation of mean joint speed and mean level of the music over windows of four "
        "beats, mean over the dances.", main=True,
    ),
    Measure(
        "cross_modal", "cross-modal distance", "", 3, "low", "music", "sum",
        "Squared distance of 4-s passages to the training dance of the nearest music, in a "
        "network trained with triplets; Ren et al. 2020. Substitutes: this project's music "
        "features for a CRNN trained on FMA, training units for Let's Dance.", form=PRINTED,
    ),
    Measure(
        "cross_modal_coded", "cross-modal distance", "", 3, "low", "music", "sum",
        "The same between the lengths of the vectors, one number each.", form=CODED,
    ),
    Measure(
        "diversity", "diversity", "", 2, "real", "variety", "diversity:style",
        f"Mean distance of pairs of dances in the style classifier's layer. {LEE}, {HUANG}.",
        main=True,
    ),
    Measure(
        "diversity_kinetic", "diversity, kinetic", "", 2, "real", "variety", "diversity:kinetic",
        f"The same in kinetic features on the scale of real clips (Div_k). {AIST}.",
    ),
    Measure(
        "multimodality", "multimodality", "", 2, "real", "variety", "multimodality:style",
        f"Mean distance of pairs of dances to the same song. {LEE}, {HUANG}.",
    ),
    Measure(
        "twins", "16-beat twins", "%", 2, "low", "variety", "sum",
        "16-beat windows that come again within 3 cm, a whole number of beats away, up to 256.",
        main=True,
    ),
)  # fmt: skip


def measure_named(key: str) -> Measure:
    """Return a measure by its key."""
    return next(measure for measure in MEASURES if measure.key == key)
