"""Hugging Face Trainer: a bar, dicts of logs, evaluation every epoch, checkpoints with trainer_state.json."""

import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments, set_seed

set_seed(0)
torch.set_num_threads(1)
model = BertForSequenceClassification(
    BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=16, num_labels=2,
    )
)  # fmt: skip
words = torch.randint(2, 50, (160, 12))
rows = [{"input_ids": w, "labels": int(w[0] > 25)} for w in words]
arguments = TrainingArguments(
    output_dir="out", num_train_epochs=4, per_device_train_batch_size=16, learning_rate=5e-3, logging_steps=4,
    eval_strategy="epoch", save_strategy="epoch", save_total_limit=2, report_to=[], seed=0, use_cpu=True,
)  # fmt: skip


def accuracy(told):
    return {"accuracy": float((told.predictions.argmax(-1) == told.label_ids).mean())}


trainer = Trainer(model, arguments, train_dataset=rows[:128], eval_dataset=rows[128:], compute_metrics=accuracy)
trainer.train()

series: dict = {}
for entry in trainer.state.log_history:
    for name, value in entry.items():
        if name not in ("step", "epoch", "total_flos") and not name.endswith(("_runtime", "_per_second")):
            steps, values = series.setdefault(name, [[], []])
            steps.append(entry["step"])
            values.append(value)
with open(os.environ["HISTORY"], "w") as out:
    json.dump(series, out)
