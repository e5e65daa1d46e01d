"""Packaging: requirements, and the data folders of the top level mapped into the wheel."""

from __future__ import annotations

import re
from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).parent
VERSION = re.search(r'__version__ = "([^"]+)"', (HERE / "robodance" / "__init__.py").read_text())
assert VERSION is not None

ON_LINUX = "sys_platform == 'linux' and platform_machine == 'x86_64'"

setup(
    name="robodance",
    version=VERSION[1],
    description="Make a NAO dance to any song: hear, imagine, adapt, dance.",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT AND LicenseRef-Research-Use-Weights",
    license_files=["LICENSE", "robodance/weights/NOTICE"],
    python_requires=">=3.11",
    packages=[
        *find_packages(include=["robodance", "robodance.*"]),
        "robodance._data.configs",
        "robodance._data.urdf",
        "robodance._data.launch",
    ],
    package_dir={
        "robodance._data.configs": "configs",
        "robodance._data.urdf": "urdf",
        "robodance._data.launch": "launch",
    },
    package_data={
        "robodance": [
            "py.typed",
            "weights/*",
            "performance/preview/page/*",
            "evaluation/page/*",
        ],
        "robodance._data.configs": ["*", "**/*"],
        "robodance._data.urdf": ["*", "**/*"],
        "robodance._data.launch": ["*", "**/*"],
    },
    exclude_package_data={"": ["__pycache__/*", "**/__pycache__/*", "*.pyc"]},
    install_requires=[
        "torch>=2.4,<2.14",
        "librosa>=0.11,<0.12",
        "numpy>=2.0",
        "scipy>=1.14",
        f"pybullet>=3.2.7; {ON_LINUX} and python_version < '3.12'",
        "ikpy>=4.0",
        f"qi>=3.1.5; {ON_LINUX} and python_version < '3.13'",
        "pyyaml>=6.0",
        "pytest>=8.0",
        "soundfile>=0.13",
        "soxr>=0.5",
        "av>=14",
        "miniaudio>=1.61",
        "piqp>=0.6,<0.7",
        "ruckig>=0.14,<1",
        "toppra>=0.6.10,<0.7",
        "ezc3d>=1.5",
        "rosbags>=0.11,<0.12",
        "safetensors>=0.5",
        "threadpoolctl>=3.1",
        "rich>=13",
        "matplotlib>=3.9",
        "trimesh>=5,<6",
        "pillow>=10.1",
    ],
    extras_require={
        "dev": [
            "hypothesis>=6.100",
            "mcap>=1.2",
            "mir_eval>=0.8",
            "mypy>=1.15",
            "pin>=3.0",
            "playwright>=1.50",
            "pytest-xdist>=3.6",
            "ruff>=0.9",
            "types-PyYAML",
        ],
        # Other people's solvers and physics, and what spreads work: for tests/benchmarks only.
        "peers": [
            "daqp>=0.7",
            "distributed>=2025.1",
            "mink>=1.3",
            "mujoco>=3.3",
            "pin-pink>=4.4",
        ],
    },
    entry_points={"console_scripts": ["robodance = robodance.cli:run"]},
)
