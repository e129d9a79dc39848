"""A compared model of the Z-Image family: prompts, some with a plan -> batches to be drawn.

A plan stands in the think block, where diffusers' ZImagePipeline has no argument for it; everything
else is encoded and drawn as that pipeline does at the model's recommended settings.
"""

from collections.abc import Mapping, Sequence

from zimage_eval.comparison_prompts import AskedPrompt
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.settings import Settings, override
from zimage_eval.model.folder import max_caption_tokens, padded_length
from zimage_eval.sampling.batches import Batch, ImageRequest, compose_batches
from zimage_eval.text.encoder import TextSide
from zimage_eval.text.encoding import encode_prompts
from zimage_eval.text.wordings import reword

Job = tuple[list[ImageRequest], Batch | str]
"""Images that are drawn together, or the reason why they can't be."""


def prompt_settings(defaults: Settings, prompt: AskedPrompt) -> Settings:
    """The recommended settings, with the prompt's plan in the think block if it has one."""
    if prompt.plan is None:
        return defaults
    return override(defaults, [(("encoder", "think_block"), prompt.plan)])


def zimage_jobs(
    requests: Sequence[ImageRequest],
    prompts: Mapping[str, AskedPrompt],
    spec: ModelSpec,
    side: TextSide,
) -> list[Job]:
    """Batches of one padded length each, in an order that the prompts alone decide.

    Args:
        requests: the images, in the order of the prompts.
        prompts: by id.
        spec: the model's recommended settings.
        side: its tokenizer and text encoder.
    """
    defaults, embeds = spec.defaults, {}
    for prompt_id in dict.fromkeys(request.prompt_id for request in requests):
        prompt = prompts[prompt_id]
        settings = prompt_settings(defaults, prompt)
        text = reword(prompt.text, settings, side.tokenizer, spec.filler_sentences)
        embeds[prompt_id] = encode_prompts(*side, [text], settings.encoder)[0].cpu()
    negative = None
    if defaults.sampler.guidance_scale > 0:
        unwanted = defaults.sampler.negative_prompt
        negative = encode_prompts(*side, [unwanted], defaults.encoder)[0].cpu()
    most = max_caption_tokens(defaults.rope)
    jobs: list[Job] = []
    lengths = [len(embeds[request.prompt_id]) for request in requests]
    for indices in compose_batches(lengths, spec.batch_size):
        members = [requests[index] for index in indices]
        longest = padded_length(lengths[indices[0]])
        if longest > most:
            jobs.append((members, f"{longest} tokens: captions end at {most}"))
            continue
        batch = Batch(
            [embeds[member.prompt_id] for member in members],
            negative,
            [member.seed for member in members],
        )
        jobs.append((members, batch))
    return jobs
