"""JUDGE: how good dances are, beside real dance and beside chance, with intervals."""
