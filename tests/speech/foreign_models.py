"""Small Wav2Vec2, HuBERT and Whisper models of `transformers` with random weights, saved as users have them."""

import numpy as np
import torch
import transformers

WAV2VEC2 = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 48,
    "conv_dim": (16, 24, 16, 16, 16, 16, 20),
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
LAYOUTS = {
    "base": {},
    "large": {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True},
    "odd": {"num_conv_pos_embeddings": 15, "conv_bias": True, "layer_norm_eps": 1e-3},
}
WHISPER = {
    "d_model": 24,
    "encoder_layers": 2,
    "encoder_attention_heads": 3,
    "encoder_ffn_dim": 40,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 16,
    "vocab_size": 50,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 3,
    "max_target_positions": 8,
}


def randomise(model):
    """Every weight random, so that a norm's gain or an offset in the wrong place shows."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            matrix = parameter.ndim > 1 and "original0" not in name
            scale = parameter[0].numel() ** -0.5 if matrix else 0.2
            parameter.copy_(noise * scale + (0 if matrix or name.endswith("bias") else 1))
    return model.eval()


def wav2vec2(layout="base", kind="Wav2Vec2", **numbers):
    config = getattr(transformers, f"{kind}Config")(**{**WAV2VEC2, **LAYOUTS[layout], **numbers})
    return randomise(getattr(transformers, f"{kind}Model")(config))


def whisper(**numbers):
    return randomise(transformers.WhisperModel(transformers.WhisperConfig(**{**WHISPER, **numbers})))


def hidden_states(output) -> list[np.ndarray]:
    """All of them; the last as the model's users have it, in every version of the library."""
    return [state.detach().numpy() for state in (*output.hidden_states[:-1], output.last_hidden_state)]
