"""What an autoencoder loses is told by its number, and seams are found where they were planted."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import AutoencoderKL

from tests.support.repository import ROOT
from zimage_eval.benchmarks.autoencoder.pictures import (
    RoundtripPicture,
    crop,
    photographs,
    roundtrip_pictures,
    shrink,
)
from zimage_eval.benchmarks.autoencoder.results import NOT_AVAILABLE, roundtrip_results
from zimage_eval.benchmarks.autoencoder.roundtrip import (
    BASELINE,
    WHOLE,
    Way,
    check_decoding_memory,
    grid_artifact,
    load_autoencoder,
    make_ways,
    measure_roundtrips,
    measure_tiled_roundtrips,
)
from zimage_eval.benchmarks.autoencoder.tiling import Tiling, seam_excess, tile_decoder, tiling_of
from zimage_eval.metrics.networks.lpips_trunks import load_lpips
from zimage_eval.output.observations import Measurement

LPIPS = ROOT / "models" / "lpips-alexnet"


@pytest.fixture(scope="module")
def vae(tiny_folder: Path) -> AutoencoderKL:
    loaded = load_autoencoder(tiny_folder / "vae", torch.device("cpu"))
    loaded.tile_sample_min_size, loaded.tile_latent_min_size = 32, 8
    return loaded


def noise(side: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (3, side, side), dtype=torch.uint8, generator=generator)


def values(found: list[Measurement], variant: str, metric: str) -> list[float | None]:
    return [o.value for o in found if (o.variant, o.metric) == (variant, metric)]


def test_an_identity_autoencoder_loses_nothing() -> None:
    pictures = [RoundtripPicture("a", "k", noise(64)), RoundtripPicture("b", "k", noise(64, 1))]
    ways = [Way("same", lambda image, _: image, 1), Way("darker", lambda image, _: image // 2, 2)]
    found = measure_roundtrips(pictures, ways, load_lpips(LPIPS), 4)
    assert values(found, "same", "psnr") == [None, None]
    assert values(found, "same", "grid") == [None, None]
    for metric, perfect in (("ssim", 1.0), ("lpips", 0.0), ("color_shift", 0.0)):
        assert values(found, "same", metric) == pytest.approx([perfect] * 2)
    assert values(found, "same", "high_frequency_ratio") == [1.0, 1.0]
    assert len(values(found, "darker", "psnr_to_baseline")) == 4
    row = roundtrip_results(
        [o._replace(variant=BASELINE) for o in found if o.variant == "same"], []
    )
    assert row[f"{BASELINE}/k"]["psnr"] is None
    assert row[NOT_AVAILABLE] == {"psnr": None, "ssim": None, "lpips": None}


def test_ways_differ_where_they_should(vae: AutoencoderKL) -> None:
    ways = {way.variant: way for way in make_ways(vae, {"again": vae}, 2)}
    image = noise(32)
    mode = ways[BASELINE].run(image, 0)
    assert torch.equal(mode, ways[BASELINE].run(image, 1))
    assert torch.equal(mode, ways["again"].run(image, 0))
    samples = [ways["sample"].run(image, seed) for seed in (0, 1)]
    assert not torch.equal(samples[0], samples[1])
    assert torch.equal(samples[0], ways["sample"].run(image, 0))
    for name in ("bfloat16", "bfloat16_decode"):
        other = ways[name].run(image, 0).int()
        assert 0 < (other - mode.int()).abs().max() < 20, name


def test_tiles_of_diffusers_begin_where_the_metric_looks(vae: AutoencoderKL) -> None:
    assert tiling_of(vae) == Tiling(pitch=24, blend=8)
    decoder = tile_decoder(vae, 0.0)
    assert tiling_of(decoder) == Tiling(pitch=32, blend=0)
    assert vae.tile_overlap_factor == 0.25 and not vae.use_tiling
    latents = torch.randn(1, 16, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        tiled = decoder.decode(latents).sample
        corner = vae.decode(latents[:, :, :8, :8]).sample
    assert torch.equal(tiled[:, :, :32, :32], corner)  # a tile knows nothing of the others
    assert Tiling(24, 8).seams(64).nonzero()[0].tolist() == [*range(23, 32), *range(47, 56)]
    assert Tiling(32, 0).seams(64).nonzero()[0].tolist() == [31]


def test_a_planted_seam_is_found_and_even_noise_is_none() -> None:
    whole, tiling = noise(64) // 2 + 50, Tiling(pitch=32, blend=0)
    planted = whole.clone()
    planted[:, :, 32:] += 10
    # a step of 10 in one of the two directions, each with a seam of as many pixels
    assert seam_excess(planted, whole, tiling) == pytest.approx(5.0)
    assert seam_excess(whole, whole, tiling) == 0.0
    elsewhere = whole.clone()
    elsewhere[:, :, 20:] += 10
    assert -0.2 < seam_excess(elsewhere, whole, tiling) < 0
    flicker = whole + (noise(64, 1) % 3)
    assert abs(seam_excess(flicker, whole, tiling)) < 0.15
    with pytest.raises(ValueError, match="larger than a tile, 80 px"):
        seam_excess(whole, whole, Tiling(pitch=64, blend=16))


def test_tiled_pictures_are_held_against_whole_ones(vae: AutoencoderKL) -> None:
    found = measure_tiled_roundtrips(
        [RoundtripPicture("a", "k", noise(64))], vae, load_lpips(LPIPS), 4
    )
    assert {o.variant for o in found} == {WHOLE, "tiled", "tiled_no_overlap"}
    [difference] = values(found, "tiled", "largest_difference")
    assert difference is not None and difference > 0
    results = roundtrip_results(found, ["taef1"])
    psnrs = [results[f"{name}/k"]["psnr"] for name in (WHOLE, "tiled")]
    assert psnrs[0] is not None and psnrs[1] is not None
    assert results["tiled/k"]["psnr_difference"] == pytest.approx(psnrs[1] - psnrs[0])
    assert NOT_AVAILABLE not in results


def test_errors_on_a_grid_are_told_from_errors_anywhere() -> None:
    checkers = np.indices((32, 32)).sum(axis=0) % 2 * 10.0
    assert grid_artifact(np.repeat(checkers[..., None], 3, 2), 4) == pytest.approx(1.0)
    assert grid_artifact(np.full((32, 32, 3), 7.0), 4) == 0.0
    assert grid_artifact(np.zeros((32, 32, 3)), 4) is None


def test_pictures_are_of_one_size_and_every_kind() -> None:
    photos = photographs(None)
    assert len(photos) >= 8  # what an interval takes
    pictures = roundtrip_pictures(photos, 32, 2, [6, 12], 2)
    assert {one.image.shape for one in pictures} == {(3, 32, 32)}
    assert len({one.unit for one in pictures}) == len(pictures)
    kinds = {one.kind for one in pictures}
    assert kinds == {"photograph", "photograph_crop", "scene", "text_6px", "text_12px"}
    small = noise(10)
    assert torch.equal(crop(small, 30)[:, 10:20, 10:20], small)
    assert torch.equal(shrink(small, 30), crop(small, 30))
    assert torch.equal(crop(small, 4), small[:, 3:7, 3:7])


def test_sizes_that_no_machine_holds_are_refused(vae: AutoencoderKL) -> None:
    check_decoding_memory(vae, 64)
    with pytest.raises(ValueError, match=r"1048576 x 1048576 px take about 131072\.0 GiB"):
        check_decoding_memory(vae, 2**20)
