"""What the commands crossvalidate and tune do; `__main__` only reads the words of the command line."""
from . import progress
from .commands import load_frames
from .crossvalidate import SCORES, cross_validate, mean_of_summaries, summarise
from .crossvalidate_table import format_crossvalidation
from .dataset import load_dataset
from .evaluation import score
from .exclusion import check_some_left_out
from .frame_files import shown
from .held_out_twins import leaks_as_json, leaks_of_folds, warning_of_leaks
from .labelled_frames import titles_of
from .parallel import can_share_out
from .splits import random_draws, sources_left_out, time_blocks
from .terminal import print_json, say, say_skipped, writable_file
from .train_frames import RECIPES
from .trial_file import TrialFile
from .tune import fingerprint, score_of, settings_of
from .tune import tune as search
from .tune_table import format_tuning, gain_of, verdict

_INTERVAL = "95 % interval: of all answers together, as if frames were independent; those of one drive are not"
_LEGENDS = {"collision": "ECE: expected calibration error of P(blocked), all answers together",
            "road": "y off by: in px too; mse: mean squared error of x and y in [-1, 1]; ratio: of x off by to nearest"}
_NEAREST = "nearest: answers as the most similar training frame is labelled, by its 32x32 grey pixels"


def crossvalidate(args):
    if args.report:
        writable_file(args.report, ".html")
    say_how_many_at_once(args)
    sets, titles, rule = _folds(args)
    recipe = RECIPES[args.task]._replace(mirror=not args.no_mirror)
    found = cross_validate(sets, recipe, args.seed, args.jobs, args.dask, not args.no_nearest, progress.bar)
    summaries = [summarise(one) for one in found]
    mean = mean_of_summaries(args.task, summaries) if len(summaries) > 1 else None
    leaks = [None if args.draws is not None else leaks_of_folds(dataset, folds, recipe.mirror)  # the rule says it
             for dataset, folds in sets]
    for title, one in zip(titles, leaks):
        if warning_of_leaks(one):
            say(f"{title}: {warning_of_leaks(one)}")
    if args.report:
        _write_report(args, titles, sets, found, summaries, rule, leaks)
    if args.json:
        print_json({"task": args.task, "rule": rule, "seed": args.seed,
                    "excluded": sum({id(dataset): dataset.excluded for dataset, _ in sets}.values()),
                    "datasets": [dict(summary, name=title, held_out_near_twins=leaks_as_json(one))
                                 for title, summary, one in zip(titles, summaries, leaks)],
                    "mean": mean, "report": args.report and shown(args.report)})
        return
    print(f"{args.task}: {rule}\n")
    print(format_crossvalidation(args.task, list(zip(titles, summaries)), mean, one_fold=args.by_source))
    print("\n".join(["", _INTERVAL, _LEGENDS[args.task]] + ([] if args.no_nearest else [_NEAREST])))
    if args.report:
        print(f"pictures and details: {shown(args.report)}")


def say_how_many_at_once(args):
    if args.jobs != 1 and args.dask is None and not can_share_out():
        say("one training at a time, on one core: joblib 1.5 or newer is not installed (pip install "
            "'jetbot_mlp[laptop]')")


def load_each(args):
    """-> one Dataset for each path."""
    datasets = []
    for path, title in zip(args.datasets, titles_of(args.datasets)):  # a list of names means them read together
        datasets.append(load_dataset(args.task, path, xy=args.xy, progress=progress.bar, exclude=args.exclude,
                                     titles=[title]))
        say_skipped(datasets[-1].skipped)
    if args.exclude:
        check_some_left_out(args.exclude, sum(dataset.excluded for dataset in datasets))
    return datasets


def _folds(args):
    """-> ([(dataset, folds)], their titles, how it is done, for people)."""
    titles = [shown(title) for title in titles_of(args.datasets)]
    if args.by_source:
        dataset = load_frames(args.task, args)
        folds = sources_left_out(dataset)
        titles = [titles[dataset.sources[held_out[0]]] for _, held_out in folds]
        return ([(dataset, [fold]) for fold in folds], titles,
                "trained on all sources but one, tested on that one, which is named")
    datasets = load_each(args)
    if args.draws is None:
        blocks = args.blocks or 5
        return ([(dataset, time_blocks(dataset, blocks)) for dataset in datasets], titles,
                f"{blocks} blocks of capture time in each class, each held out once")
    count = "50 frames" if args.task == "collision" else "10 % of the frames"
    return ([(dataset, random_draws(dataset, args.draws, args.seed)) for dataset in datasets], titles,
            f"{count} held out at random, {args.draws} times, as in the official notebooks: neighbouring frames leak, "
            f"expect too good scores")


def _write_report(args, titles, sets, found, summaries, rule, leaks):
    from .report import TrainingReport, write_report

    sections = []
    for title, (dataset, _), one, summary, leak in zip(titles, sets, found, summaries, leaks):
        images = dataset.subset(one.frames).images
        evaluation = score(one.task, one.classes, one.predicted, one.expected, one.names, images)
        headline = SCORES[args.task][0]
        facts = [("held out", rule), ("frames", summary["frames"]),
                 (headline.replace("_", " ") + ", fold by fold",
                  ", ".join(f"{fold[headline]:.3g}" for fold in summary["folds"]))]
        facts += [(f"{kind}, {name.replace('_', ' ')}", value) for kind in ("mean", "worst")
                  for name, value in summary[kind].items()]
        sections.append(TrainingReport(title, facts, evaluation=evaluation, notes=dataset.notes,
                                       skipped=dataset.skipped, warning=warning_of_leaks(leak)))
    write_report(args.report, f"Cross-validation, {args.task}", sections)


def tune(args):
    if args.out:
        writable_file(args.out, ".csv")
    say_how_many_at_once(args)
    datasets = load_each(args)
    titles = [shown(title) for title in titles_of(args.datasets)]
    recipe = RECIPES[args.task]._replace(mirror=not args.no_mirror)
    names, done, finished = list(settings_of(args.task, 1, args.seed)), {}, None
    if args.out:
        file = TrialFile(args.out, fingerprint(datasets, recipe, args.blocks, args.seed), names,
                         [f"{title}, block {block + 1}" for title in titles for block in range(args.blocks)])
        done = file.read()

        def finished(trial):
            file.append(trial.number, score_of(trial), trial.seconds,
                        [trial.settings.get(name, getattr(recipe, name)) for name in names], trial.scores)
        if done:
            say(f"{len(done)} trials are in {shown(args.out)} already")
    try:
        found = search(datasets, recipe, args.trials, args.blocks, args.seed, args.jobs, args.dask, progress.bar, done,
                       finished)
    except KeyboardInterrupt:
        if args.out:
            say(f"\nthe finished trials are in {shown(args.out)}; the same command goes on from there")
        raise
    if args.json:
        print_json(_tuning_json(args, found, titles))
        return
    print(f"{args.task}: {args.trials} settings of the recipe, each cross-validated by {args.blocks} blocks of capture "
          f"time on {' and '.join(titles)}\n")
    print(format_tuning(args.task, found, recipe, titles, args.blocks))


def _tuning_json(args, found, titles):
    default = next(trial for trial in found.ranking if trial.number == 0)
    gains = [gain_of(args.task, trial, default, args.blocks) for trial in found.ranking]
    return {"task": args.task, "datasets": titles, "blocks": args.blocks, "seed": args.seed,
            "score": SCORES[args.task][0], "default_place": found.ranking.index(default) + 1,
            "ranking": [{"trial": trial.number, "settings": trial.settings, "score": score_of(trial),
                         "folds": trial.scores, "seconds": trial.seconds, "gain": gain, "gain_half_width": half}
                        for trial, (gain, half) in zip(found.ranking, gains)],
            "verdict": verdict(args.task, found, args.blocks),
            "kept_away": [{"trial": number, "datasets": metrics} for number, metrics in sorted(found.final.items())],
            "table": args.out and shown(args.out)}
