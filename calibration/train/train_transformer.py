"""nano-base's transformer: flow matching on latents and prompt_embeds."""

import copy
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

import torch
from diffusers import ZImageTransformer2DModel
from torch import Tensor, nn

from calibration.data.latent_data import Captions, PairGroup
from calibration.data.truths import TransformerRecipe, Truths
from calibration.evaluation.batched_sampling import predict_data, shift_sigmas
from calibration.evaluation.batched_transformer import use_batched_attention
from calibration.train.graphed_steps import GraphedSteps
from calibration.train.optimizers import Optimizers

_HEAD_DIM: Final = 64
_MODULATION_SPREAD: Final = 0.02
_WARMUP_STEPS: Final = 300
_WHITENING_TEXTS: Final = 2048
_REPORT_EVERY: Final = 250
_AVERAGE_EVERY: Final = 8
_LEAST_SHIFT: Final = 3.0
"""Of the noise levels trained at, also for a family whose own schedule has them nearer to even."""


def build_transformer(
    recipe: TransformerRecipe,
    truths: Truths,
    hidden_size: int,
    seed: int,
    *,
    refiner_timestep: bool = False,
) -> ZImageTransformer2DModel:
    """An untrained `ZImageTransformer2DModel` with refiners, Z-Image's RoPE table lengths.

    Args:
        recipe: its size.
        truths: the base of its RoPE.
        hidden_size: of the prompt_embeds.
        seed: decides its weights; those that both kinds have don't depend on `refiner_timestep`.
        refiner_timestep: whether the timestep modulates the context refiner as it does all others.
    """
    torch.manual_seed(seed)
    model = ZImageTransformer2DModel(
        dim=recipe.dim,
        n_layers=recipe.num_layers,
        n_refiner_layers=recipe.num_refiner_layers,
        n_heads=recipe.dim // _HEAD_DIM,
        n_kv_heads=recipe.dim // _HEAD_DIM,
        cap_feat_dim=hidden_size,
        rope_theta=truths.rope_theta,
        axes_dims=[16, 24, 24],
        axes_lens=[1536, 512, 512],
    )
    for pad_token in (model.x_pad_token, model.cap_pad_token):
        nn.init.normal_(pad_token, std=0.02)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    for name, module in model.named_modules():
        if "adaLN_modulation" in name and isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=_MODULATION_SPREAD)
    nn.init.zeros_(model.all_final_layer["2-1"].linear.weight)
    if refiner_timestep:
        _modulate_refiner(model)
    return model


def _modulate_refiner(model: ZImageTransformer2DModel) -> None:
    with torch.random.fork_rng():
        for block in model.context_refiner:
            linear = copy.deepcopy(model.noise_refiner[0].adaLN_modulation[0])
            nn.init.normal_(linear.weight, std=_MODULATION_SPREAD)
            nn.init.zeros_(linear.bias)
            block.adaLN_modulation, block.modulation = nn.Sequential(linear), True


@torch.no_grad()
def whiten_captions(model: ZImageTransformer2DModel, captions: Sequence[Captions]) -> None:
    """Start `cap_embedder` so that it hands on every direction of the prompt_embeds alike.

    A text encoder adds one large vector to all of its tokens; what tells two nouns apart is a
    hundred times smaller, and a transformer that starts from random weights takes very long to
    find it. Directions weaker than a thousandth of the mean variance are not raised further.
    """
    embedder = model.cap_embedder
    tokens = torch.cat([part.sample_tokens(_WHITENING_TEXTS) for part in captions])
    normed = embedder[0](tokens).double()
    mean = normed.mean(dim=0)
    variances, directions = torch.linalg.eigh(torch.cov((normed - mean).T))
    scales = variances.clamp_min(variances.mean() * 1e-3).rsqrt()
    rotation = nn.init.orthogonal_(torch.empty_like(embedder[1].weight)).double()
    weight = rotation @ scales.diag() @ directions.T
    embedder[1].weight.copy_(weight)
    embedder[1].bias.copy_(-(weight @ mean))


class Ema:
    """Exponential moving average of a model's weights."""

    def __init__(self, model: ZImageTransformer2DModel, decay: float) -> None:
        self.model = copy.deepcopy(model).requires_grad_(False)
        self.decay = decay
        self._pairs = (list(self.model.parameters()), list(model.parameters()))

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move towards the model, once in `_AVERAGE_EVERY` steps; early steps move faster."""
        if (step + 1) % _AVERAGE_EVERY == 0:
            decay = min(self.decay, (1 + step) / (10 + step)) ** _AVERAGE_EVERY
            torch._foreach_lerp_(self._pairs[0], self._pairs[1], 1 - decay)


@dataclass
class Trainer:
    """A transformer with its optimizers, schedule and average."""

    model: ZImageTransformer2DModel
    num_steps: int
    learning_rate: float
    matrix_learning_rate: float
    ema_decay: float
    compile_blocks: bool
    first_step: int = 0
    """Where this run went on from; the optimizer starts anew there."""

    def __post_init__(self) -> None:
        self.device = self.model.x_pad_token.device
        use_batched_attention(self.model)
        self.ema = Ema(self.model, self.ema_decay)
        if self.compile_blocks:
            torch._dynamo.config.cache_size_limit = 64
            for name in ("noise_refiner", "context_refiner", "layers"):
                for block in getattr(self.model, name):
                    block.compile(dynamic=True)
        rates = (self.learning_rate, self.matrix_learning_rate)
        self._optimizers = Optimizers(self.model, *rates, betas=(0.9, 0.98))
        self._steps = GraphedSteps(self.device)
        self.started, self.losses = time.monotonic(), torch.zeros((), device=self.device)

    def start_from(self, model: ZImageTransformer2DModel) -> None:
        """Take another model's weights before the first step."""
        for target in (self.model, self.ema.model):
            target.load_state_dict(model.state_dict())

    def _share(self, step: int) -> float:
        """Of the learning rate: up at first, down to almost nothing over the second half."""
        warm = min(1.0, (step - self.first_step + 1) / _WARMUP_STEPS)
        share = step / self.num_steps
        cool = 1.0 if share < 0.5 else 0.02 + 0.98 * (1 - share) / 0.5
        return warm * cool

    def step(self, step: int, kind: Hashable, draw_loss: Callable[[], Tensor]) -> None:
        """One update from the loss of one batch; losses of one `kind` have the same shapes."""
        self._optimizers.set_rate(self._share(step))
        self._steps.run(kind, lambda: self._update(draw_loss()))
        self.ema.update(step)
        if (step + 1) % _REPORT_EVERY == 0:
            mean = self.losses.item() / _REPORT_EVERY
            rate = (step + 1 - self.first_step) / (time.monotonic() - self.started)
            print(
                f"step {step + 1}/{self.num_steps} loss {mean:.4f} {rate:.1f} steps/s", flush=True
            )
            self.losses.zero_()

    def _update(self, loss: Tensor) -> None:
        self._optimizers.step(loss)
        self.losses += loss.detach()


def train_transformer(
    trainer: Trainer,
    groups: Sequence[PairGroup],
    batch_size: int,
    shift: float,
    seed: int,
    deadline: float,
) -> int:
    """Train until the last step or `deadline` (`time.monotonic()`); returns the step reached.

    Noise levels are drawn evenly, then shifted: levels near 1, where sampling starts, must not be
    starved, or backgrounds come out wrong.
    """
    device, shift = trainer.device, max(shift, _LEAST_SHIFT)
    torch.manual_seed(seed + trainer.first_step)
    choice = torch.Generator().manual_seed(seed + trainer.first_step)
    weights = torch.tensor([float(len(group.latents)) for group in groups])
    even = torch.arange(batch_size, device=device)

    # What a batch holds is drawn on the device: a copy to it would wait for all work under way.
    def draw_loss(group: PairGroup) -> Tensor:
        rows = torch.randint(len(group.latents), (batch_size,), device=device)
        sigmas = shift_sigmas((even + torch.rand(batch_size, device=device)) / batch_size, shift)
        data, level = group.latents[rows].float(), sigmas.view(-1, 1, 1, 1)
        noise = torch.randn(data.shape, device=device)
        noisy = (1 - level) * data + level * noise
        output = predict_data(trainer.model, noisy, sigmas, group.captions.rows(rows))
        return (output - (data - noise)).square().mean()

    for step in range(trainer.first_step, trainer.num_steps):
        if time.monotonic() > deadline:
            return step
        index = int(torch.multinomial(weights, 1, generator=choice))
        trainer.step(step, index, partial(draw_loss, groups[index]))
    return trainer.num_steps
