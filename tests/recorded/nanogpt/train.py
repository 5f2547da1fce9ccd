"""PyTorch, a loop of one's own in nanoGPT's style: `step N: train loss, val loss` and `iter N: loss, time, mfu`."""

import json
import os
import time
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(1337)
torch.set_num_threads(1)
text = Path(__file__).read_text() * 4
letters = sorted(set(text))
data = torch.tensor([letters.index(c) for c in text])
parts = {"train": data[: int(0.9 * len(data))], "val": data[int(0.9 * len(data)) :]}
block, batch, width = 32, 16, 32
eval_interval, eval_iters, log_interval, max_iters, learning_rate = 20, 5, 5, 60, 3e-3


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(len(letters), width), nn.Embedding(block, width)
        self.layer = nn.TransformerEncoderLayer(width, 4, 64, 0.0, batch_first=True)
        self.head = nn.Linear(width, len(letters))

    def forward(self, x, y):
        mask = nn.Transformer.generate_square_subsequent_mask(block)
        out = self.head(self.layer(self.tokens(x) + self.places(torch.arange(block)), mask, is_causal=True))
        return functional.cross_entropy(out.flatten(0, 1), y.flatten())


def get_batch(split):
    at = torch.randint(len(parts[split]) - block - 1, (batch,))
    rows = torch.stack([parts[split][i : i + block + 1] for i in at])
    return rows[:, :-1], rows[:, 1:]


@torch.no_grad()
def estimate_loss():
    return {split: sum(model(*get_batch(split)).item() for _ in range(eval_iters)) / eval_iters for split in parts}


model = Model()
told = {"train loss": [[], []], "val loss": [[], []], "loss": [[], []]}
print(f"tokens per iteration will be: {batch * block:,}")
print(f"number of parameters: {sum(p.numel() for p in model.parameters()) / 1e6:.2f}M")
optimizer = torch.optim.AdamW(model.parameters(), learning_rate)
print("num decayed parameter tensors: 14, with 12,352 parameters")
for step in range(max_iters + 1):
    if step % eval_interval == 0:
        losses = estimate_loss()
        print(f"step {step}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
        for split, value in losses.items():
            told[f"{split} loss"][0].append(step)
            told[f"{split} loss"][1].append(value)
        if step:
            print("saving checkpoint to out")
    began = time.time()
    loss = model(*get_batch("train"))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if step % log_interval == 0:
        print(f"iter {step}: loss {loss.item():.4f}, time {(time.time() - began) * 1000:.2f}ms, mfu {-100.0:.2f}%")
        told["loss"][0].append(step)
        told["loss"][1].append(loss.item())

with open(os.environ["HISTORY"], "w") as out:
    json.dump(told, out)
