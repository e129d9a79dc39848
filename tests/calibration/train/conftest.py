from pathlib import Path

import pytest

from calibration.data.truths import TrainingRecipe, Truths, load_truths
from tests.support.models.toy_recipe import toy_recipe


@pytest.fixture(scope="module")
def truths() -> Truths:
    return load_truths(Path("calibration/families/nano/truths.yaml"))


@pytest.fixture(scope="module")
def recipe() -> TrainingRecipe:
    return toy_recipe()
