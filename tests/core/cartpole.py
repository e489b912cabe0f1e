"""Tasks of one's own as a person would write them: gymnasium's CartPole with a pole, a push and a gravity that a task draws."""

import gymnasium as gym
import numpy as np


def make_task(rng: np.random.Generator) -> gym.Env:
    env = gym.make("CartPole-v1")
    physics = env.unwrapped
    physics.length = rng.uniform(0.25, 1.5)  # metres, half the pole's
    physics.force_mag = rng.choice([-1, 1]) * rng.uniform(5, 15)  # newtons; in half of the tasks left is right
    physics.gravity = rng.uniform(5, 15)  # metres per second squared
    physics.polemass_length = physics.masspole * physics.length
    return env
