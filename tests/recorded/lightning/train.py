"""Lightning: its bar, CSVLogger (which writes its file anew when a column appears), a test at the end."""

import json
import os

import lightning
import torch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

lightning.seed_everything(0)
torch.set_num_threads(1)


class Model(lightning.LightningModule):
    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 1))
        self.told = {}

    def shared(self, batch):
        x, y = batch
        out = self.layers(x).squeeze(1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(out, y)
        return loss, ((out > 0) == (y > 0.5)).float().mean()

    def training_step(self, batch, _):
        loss, _ = self.shared(batch)
        self.log("train_loss", loss, prog_bar=True, on_step=False, on_epoch=True)
        return loss

    def validation_step(self, batch, _):
        loss, right = self.shared(batch)
        self.log_dict({"val_loss": loss, "val_acc": right}, prog_bar=True)

    def test_step(self, batch):
        loss, right = self.shared(batch)
        self.log_dict({"test_loss": loss, "test_acc": right})

    def on_train_epoch_end(self):
        for name in ("train_loss", "val_loss", "val_acc"):
            steps, values = self.told.setdefault(name, [[], []])
            steps.append(self.trainer.global_step - 1)  # as Lightning tells its loggers
            values.append(float(self.trainer.callback_metrics[name]))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), 0.01)


x = torch.randn(640, 8)
y = (x[:, 0] + x[:, 1] > 0).float()
loaders = [DataLoader(TensorDataset(x[a:b], y[a:b]), 32) for a, b in ((0, 512), (512, 576), (576, 640))]
model = Model()
trainer = lightning.Trainer(
    max_epochs=4, accelerator="cpu", logger=CSVLogger("."), log_every_n_steps=4, enable_model_summary=False
)
trainer.fit(model, loaders[0], loaders[1])
(test,) = trainer.test(model, loaders[2])

with open(os.environ["HISTORY"], "w") as out:
    json.dump({**model.told, **{name: [[trainer.global_step], [value]] for name, value in test.items()}}, out)
