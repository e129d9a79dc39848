"""What the report says of every study alike."""

from collections.abc import Mapping

from zimage_eval.config.model_spec import JudgeName

JUDGES: Mapping[JudgeName, str] = {
    "scenes": "the scene checker, which reads shapes, colors and places from the pixels",
    "detector": "a detector for things, numbers and places, CLIP for colors and media; backgrounds "
    "are not checked",
    "hand_labels": "people, in the pictures that they labeled",
    "none": "none: nobody checks the pictures against the prompts, so there is no alignment",
}
VERDICTS = (
    "Each verdict follows from a rule that its question's file states, corrected over all claims "
    "of the report. Intervals are 95 % intervals, unadjusted for how many variants are looked at: "
    "what stands out among many may do so by chance."
)
HOW_TO_READ = """\
- **alignment** is the share of a prompt's stated facts that the judge finds in its picture, \
**all facts** the share of pictures in which every fact holds. ↑ and ↓ mark the better end where \
there is one.
- Prompts are the independent observations: seeds are averaged within a prompt, and intervals are \
t intervals over prompts. Shares of facts get two pseudo-prompts, one at each end of the range, so \
that no interval has zero width. Under 8 prompts there is no interval. What a claim of a page says \
of unbounded numbers, such as sharpness, has intervals of the studentized bootstrap: wider than \
the tables' where a few prompts stand out.
- **difference** (to the baseline) is paired: the same prompt and seed, so the same noise, in \
both. A star says that its interval excludes 0.
- **lpips**, **psnr** and **ssim** say how far a picture is from the baseline's of the same prompt \
and seed. Far is not bad in itself. LPIPS is v0.1 with AlexNet, SSIM has Wang's settings; pictures \
without any difference have no PSNR and are left out of its mean.
- **seed diversity** is the mean LPIPS between the seeds of a prompt, where it has several.
- **sharpness** is the variance of the Laplacian of luma, **edge density** the share of pixels on \
a steep slope, **high frequency share** that of the variance in details of under four pixels; \
noise raises all three.
- Embeddings are described by class of tokens: the prompt's own words (content) and the chat \
template. **Cosine drift** is 0 and **cka** 1 where the encoder says the same as in the baseline.
- Under "sets of pictures", **kid**, **fd**, **precision**, **recall**, **density** and \
**coverage** compare all pictures of a variant with a reference, in the features of the network \
that their name ends in. KID is unbiased and may be below 0; a Fréchet distance of few pictures is \
mostly bias, about as much as the split-half null beside it. **vendi** counts different pictures. \
All but KID depend on the number of pictures, and none has an interval.
- **At full size**: the same claims by the same rules on the scores that this model's calibration \
kept, of more prompts and seeds, drawn once on a GPU. A report of its own, with its own \
correction; claims that it has no pictures for stand in it as they are.
- **Seconds** of a picture are its forwards x the mean seconds of a forward, plus encoding, \
decoding and saving, of a picture made alone at the profile's size and length of prompt; in \
brackets, every part at its fastest and at its slowest. A column is one machine and one set of \
weights: random ones say what as many forwards take, the quality beside them is not theirs. More \
forwards take longer on every machine, so the front by seconds is the front by forwards.
- **coverage** is the share of the pictures asked for that were made. A failed picture has no \
score, rather than 0.
- Screening looks at every variant. The one contrast named before the run is measured again on \
prompts of its own, under **Confirmed**."""
