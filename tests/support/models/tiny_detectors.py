"""Random-weight zero-shot detectors in the layout that transformers saves."""

from pathlib import Path

import torch
from transformers import (
    BertTokenizerFast,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessor,
    GroundingDinoProcessor,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2ImageProcessor,
    Owlv2Processor,
)

from tests.support.models.tiny_clip import build_letters


def build_tiny_owl(folder: Path) -> None:
    """OWLv2 on 32 x 32 pixels, four boxes a picture; a letter is a token, 30 are read."""
    tokenizer = build_letters(folder)
    tokenizer.model_max_length = 30
    end = tokenizer.eos_token_id
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 2}
    size |= {"num_attention_heads": 2}
    text = size | {"vocab_size": len(tokenizer), "max_position_embeddings": 30}
    text |= {"eos_token_id": end, "bos_token_id": tokenizer.bos_token_id, "pad_token_id": end}
    config = Owlv2Config(
        text_config=text,
        vision_config=size | {"image_size": 32, "patch_size": 16},
        projection_dim=16,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        Owlv2ForObjectDetection(config).save_pretrained(folder)
    images = Owlv2ImageProcessor(size={"height": 32, "width": 32})
    Owlv2Processor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)


def build_tiny_dino(folder: Path) -> None:
    """Grounding DINO of few layers (its heads are tied: two to decode), ten queries."""
    folder.mkdir(parents=True, exist_ok=True)
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", "cat", "dog", "red"]
    (folder / "vocab.txt").write_text("\n".join(words))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"))
    config = GroundingDinoConfig(
        backbone_config={
            "model_type": "swin",
            "image_size": 128,
            "embed_dim": 8,
            "depths": [1, 1, 1, 1],
            "num_heads": [1, 1, 1, 1],
            "window_size": 2,
            "out_features": ["stage2", "stage3", "stage4"],
        },
        text_config={
            "model_type": "bert",
            "vocab_size": len(words),
            "hidden_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "intermediate_size": 16,
            "max_position_embeddings": 40,
        },
        d_model=32,
        encoder_layers=1,
        decoder_layers=2,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_queries=10,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        GroundingDinoForObjectDetection(config).save_pretrained(folder)
    images = GroundingDinoImageProcessor(size={"height": 128, "width": 128})
    GroundingDinoProcessor(image_processor=images, tokenizer=tokenizer).save_pretrained(folder)
