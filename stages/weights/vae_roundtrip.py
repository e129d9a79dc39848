"""models/<m>/vae/, models/lpips-alexnet/ -> what pictures lose in the autoencoder

Writes metrics/vae_roundtrip.json, reports/observations/vae_roundtrip.csv and figures. Photographs
are those of the installed scikit-image and matplotlib, or of a folder of the user.
"""

from pathlib import Path

from stages import run


def main() -> None:
    """Encode and decode every picture in every way, and measure what it loses."""
    import torch
    from tqdm import tqdm

    from zimage_eval.benchmarks.autoencoder.figures import (
        DIFFERENCE_GAIN,
        psnr_dots,
        roundtrip_grid,
    )
    from zimage_eval.benchmarks.autoencoder.pictures import (
        large_pictures,
        photographs,
        roundtrip_pictures,
    )
    from zimage_eval.benchmarks.autoencoder.results import exact_checks, roundtrip_results
    from zimage_eval.benchmarks.autoencoder.roundtrip import (
        BASELINE,
        check_decoding_memory,
        load_autoencoder,
        load_decoder,
        make_ways,
        measure_roundtrips,
        measure_tiled_roundtrips,
        tiled_ways,
    )
    from zimage_eval.config.benchmarks import VaeRoundtrip
    from zimage_eval.metrics.networks.lpips_trunks import load_lpips
    from zimage_eval.model.devices import pick_device
    from zimage_eval.output.figures import save_figure
    from zimage_eval.output.image_grids import save_png
    from zimage_eval.output.observations import write_observations
    from zimage_eval.output.progress import progress_interval
    from zimage_eval.output.project import Project
    from zimage_eval.output.results import write_results

    project = Project.open()
    spec = project.spec
    entry = project.benchmark("vae_roundtrip", VaeRoundtrip)
    photos = photographs(entry.photographs)
    device = pick_device()
    vae = load_autoencoder(project.model_folder / "vae", device)
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    side, large_side = spec.defaults.image.width, entry.tiled_scale * vae.config.sample_size
    check_decoding_memory(vae, max(side, large_side))
    decoders = {name: load_decoder(name, file, vae) for name, file in entry.decoders.items()}
    network = load_lpips(project.lpips_folder).to(device)
    pictures = roundtrip_pictures(photos, side, entry.num_scenes, entry.text_sizes, entry.num_texts)
    large = large_pictures(photos, large_side, entry.num_tiled)

    if device.type == "cpu":
        torch.set_num_threads(1)  # so that last bits don't depend on the number of cores
    ways = make_ways(vae, decoders, entry.num_samples)
    interval = progress_interval()
    measurements = measure_roundtrips(
        tqdm(pictures, "pictures", mininterval=interval), ways, network, factor
    )
    measurements += measure_tiled_roundtrips(
        tqdm(large, "tiled", mininterval=interval), vae, network, factor
    )
    whole, ((tiled, _), _) = ways[0].run, tiled_ways(vae)
    one_tile = pictures[0].image
    checks = exact_checks(
        measurements,
        one_tile_is_whole=side > vae.tile_sample_min_size
        or torch.equal(whole(one_tile, 0), tiled.run(one_tile, 0)),
    )

    results = roundtrip_results(measurements, list(decoders))
    write_results(
        Path("metrics/vae_roundtrip.json"), {"vae_roundtrip": {**results, "checks": checks}}
    )
    write_observations(Path("reports/observations/vae_roundtrip.csv"), measurements)
    firsts = {picture.kind: picture for picture in reversed(pictures)}
    shown = [
        (picture, picture.image, whole(picture.image, 0)) for picture in reversed(firsts.values())
    ]
    save_png(
        roundtrip_grid(shown, ("original", "round trip"), DIFFERENCE_GAIN),
        Path("reports/figures/vae_roundtrip/pictures.png"),
    )
    first_large = {picture.kind: picture.image for picture in reversed(large)}
    tiles = [
        (picture, whole(image, 0), tiled.run(image, 0))
        for picture in large
        if (image := picture.image) is first_large[picture.kind]
    ]
    save_png(
        roundtrip_grid(tiles, ("decoded whole", "decoded in tiles"), DIFFERENCE_GAIN),
        Path("reports/figures/vae_roundtrip/tiles.png"),
    )
    save_figure(psnr_dots(measurements, BASELINE), Path("reports/figures/vae_roundtrip/psnr.png"))
    print(f"metrics/vae_roundtrip.json: {len(pictures)} pictures of {side} px, {len(ways)} ways")


if __name__ == "__main__":
    run(main)
