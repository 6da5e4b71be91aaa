"""Make the models of this folder again, with their cards: make models, or python models/make.py.

Everything comes from the simulator and fixed seeds: frames, training, scores in worlds that were not
in the training, and long drives there. Takes about a quarter of an hour on two cores.
"""
import argparse
import json
import os
import sys
import tempfile

from jetbot_mlp import Predictor, __version__, progress
from jetbot_mlp.augment import GEOMETRY
from jetbot_mlp.dataset import load_dataset
from jetbot_mlp.evaluation import evaluate
from jetbot_mlp.features import FeatureSpec
from jetbot_mlp.metrics import format_metrics
from jetbot_mlp.model_file import load_model, save_model
from jetbot_mlp.sim_drive import drive_in_simulator
from jetbot_mlp.simulator import simulate
from jetbot_mlp.train_frames import RECIPES, train_frames

FOLDER = os.path.dirname(os.path.abspath(__file__))
SEED = 1
COUNTS = {"road": 6000, "collision": 12000}  # frames
# many frames from many worlds bear a longer training of a freer network than a student's few hundred
RECIPE_CHANGES = {
    "road": {"steps": 15000},
    "collision": {"features": FeatureSpec(color_size=8), "steps": 20000, "hidden": (96, 48), "dropout": 0.1,
                  "weight_decay": 0.02, "geometry": GEOMETRY["road"]},  # labels do not hang on single centimetres
}
DRIVES = {  # world, simulated seconds at most, laps, world seeds: the longest drives of each task
    "road": ("road", 1800.0, 10, range(100, 108)),
    "collision": ("room", 300.0, None, range(100, 108)),
}
CARD = """# {task}.npz

{what}

| | |
| --- | --- |
| data | {samples} simulated frames, `jetbot-mlp simulate {task} --count {count} --seed {seed}` |
| network | {layers}, {parameters} parameters, {kilobytes:.0f} kB |
| training | {seconds:.0f} s, {epochs} epochs, jetbot_mlp {version} |
| data fingerprint | `{fingerprint}` |

Made only from simulated frames: it shows the whole path and drives the simulator. On a real floor,
collect your own frames; a few hundred are enough.

## Held-out frames ({rule})

```
{held_out}
```

## {fresh_count} frames from worlds that were not in the training

```
{fresh}
```

## Drives in worlds that were not in the training

{drives}

Made with `make models`; `python models/make.py --help` says more.
"""
WHAT = {
    "road": "Looks at a frame and says where the road goes: a target point x, y in [-1, 1].",
    "collision": "Looks at a frame and says how likely the way ahead is blocked.",
}


def make(task, count, folder, fresh_count=400):
    """Collect, train, save and score the model of one task, and write its card."""
    with tempfile.TemporaryDirectory() as work:
        data, fresh = os.path.join(work, "frames"), os.path.join(work, "fresh")
        simulate(task, data, count, seed=SEED, progress=progress.bar)
        simulate(task, fresh, fresh_count, seed=SEED + 1, progress=progress.bar)
        dataset = load_dataset(task, data)
        recipe = RECIPES[task]._replace(**RECIPE_CHANGES[task])
        trained = train_frames(dataset, recipe, random_state=SEED, progress=progress.bar)
        path = os.path.join(folder, f"{task}.npz")
        save_model(path, trained.model, dataset.images[0])
        model = load_model(path)
        scores = evaluate(model, load_dataset(task, fresh)).metrics
    rows = drive(model)
    training = model.training
    card = CARD.format(
        task=task, what=WHAT[task], samples=training["samples"], count=count, seed=SEED,
        layers="-".join(str(n) for n in model.network.layer_sizes), parameters=model.network.n_parameters,
        kilobytes=os.path.getsize(path) / 1000, seconds=trained.seconds, epochs=training["epochs"], version=__version__,
        fingerprint=training["data_fingerprint"], rule=training["held_out_rule"],
        held_out=format_metrics(task, trained.evaluation.metrics, model.classes), fresh_count=fresh_count,
        fresh=format_metrics(task, scores, model.classes), drives=rows)
    with open(os.path.join(folder, f"{task}.md"), "w", encoding="utf-8") as stream:
        stream.write(card)
    print(card)


def drive(model):
    """The long drives of a model's task -> a table in Markdown."""
    world, seconds, laps, seeds = DRIVES[model.task]
    table = ["| world seed | simulated s | m | laps | off the track | collisions | ended |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    for seed in seeds:
        done = drive_in_simulator([Predictor(model)], world, seconds, seed, laps=laps, progress=progress.bar)
        result = done.result
        numbers = [seed, f"{result['seconds']:.0f}", f"{result['distance_m']:.1f}",
                   "" if result["laps"] is None else f"{result['laps']:.1f}",
                   "" if result["off_track"] is None else result["off_track"], result["collisions"], done.reason]
        table.append("| " + " | ".join(str(n) for n in numbers) + " |")
        print(json.dumps(dict(result, seed=seed, reason=done.reason)), file=sys.stderr)
    return "\n".join(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", default=FOLDER, help="folder of the models (default: this one)")
    parser.add_argument("--count", type=int, help="frames for each task (default: 6000 road, 12000 collision)")
    parser.add_argument("--task", choices=sorted(DRIVES), action="append", help="only this one")
    args = parser.parse_args()
    for wanted in args.task or sorted(DRIVES):
        make(wanted, args.count or COUNTS[wanted], args.out)
