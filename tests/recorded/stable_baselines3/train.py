"""stable-baselines3: PPO with its boxed table on stdout and progress.csv beside it."""

import json
import os

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.logger import KVWriter, configure


class Told(KVWriter):
    """What the logger was given, as it was given."""

    series: dict = {}  # noqa: RUF012 - one writer

    def write(self, key_values, key_excluded, step=0):
        for name, value in key_values.items():
            if isinstance(value, (int, float)) or hasattr(value, "dtype"):
                steps, values = self.series.setdefault(name, [[], []])
                steps.append(step)
                values.append(float(value))

    def close(self):
        with open(os.environ["HISTORY"], "w") as out:
            json.dump(self.series, out)


torch.set_num_threads(1)
model = PPO("MlpPolicy", "CartPole-v1", n_steps=256, batch_size=64, n_epochs=2, seed=0, verbose=1, device="cpu")
logger = configure("logs", ["stdout", "csv"])
logger.output_formats.append(Told())
model.set_logger(logger)
model.learn(total_timesteps=2048)
logger.close()
