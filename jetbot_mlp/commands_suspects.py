"""What the command suspects does: labels to look at again, as a list for --exclude and a page with the pictures."""
from . import progress
from .commands import load_frames
from .commands_crossvalidate import say_how_many_at_once
from .crossvalidate import metrics_of, out_of_fold
from .frame_files import shown
from .labelled_frames import titles_of
from .metrics import format_metrics
from .report_suspects import suspects_page, twins_in_words
from .suspects import KINDS, find_suspects, folds_of_groups, list_text
from .terminal import print_json, say, writable_file
from .text_files import write_whole
from .train_frames import RECIPES

_SHOWN = 10  #: lines of each kind on the terminal; the list has all
_WORDS = {"contradiction": "have a near-twin with a contradicting label",
          "disagreement": "are labelled otherwise than a model that was trained without them would say",
          "twin": "are near-twins of another frame with the same answer"}


def suspects(args):
    writable_file(args.out)
    if args.report:
        writable_file(args.report, ".html")
    say_how_many_at_once(args)
    dataset = load_frames(args.task, args)
    for note in dataset.notes:
        say(note)
    folds = folds_of_groups(dataset, random_state=args.seed, mirror=not args.no_mirror)
    recipe = RECIPES[args.task]._replace(mirror=not args.no_mirror)
    answers = out_of_fold(dataset, folds, recipe, args.seed, args.jobs, args.dask, progress=progress.bar)
    predicted = answers.predicted  # one row a frame in the dataset's order, since each was held out once
    found = find_suspects(dataset, predicted, mirror=not args.no_mirror)
    titles = [shown(title) for title in titles_of(args.datasets)]
    write_whole(args.out, list_text(found, titles))
    metrics = metrics_of(args.task, dataset.targets, predicted)
    how = (f"Each of {len(dataset)} frames was judged by a network trained without it ({len(folds)} folds at random, "
           f"near-twins together).")
    counts = {kind: sum(suspect.kind == kind for suspect in found.listed) for kind in KINDS}
    if args.report:
        _write_page(args, titles, how, dataset, found, predicted)
    if args.json:
        print_json({
            "task": args.task, "samples": len(dataset), "skipped": len(dataset.skipped), "excluded": dataset.excluded,
            "counts": counts, "near_twin_pairs": found.pairs, "different_pictures": found.different,
            "suspects": [{"name": suspect.name, "kind": suspect.kind, "reason": suspect.reason,
                          "twin": None if suspect.twin is None else dataset.names[suspect.twin]}
                         for suspect in found.listed],
            "metrics": metrics, "list": shown(args.out), "report": args.report and shown(args.report)})
        return
    print(how)
    print(format_metrics(args.task, metrics))
    print(twins_in_words(found, len(dataset)))
    for kind in KINDS:
        members = [suspect for suspect in found.listed if suspect.kind == kind]
        if members:
            print(f"\n{len(members)} frames {_WORDS[kind]}" + (", the worst:" if len(members) > _SHOWN else ":"))
            for suspect in members[:_SHOWN]:
                print(f"  {suspect.name}: {suspect.reason}")
    print(f"\n{shown(args.out)}: all of them, each line commented out. Look at the pictures, take the # away before "
          f"those to leave out, and give the file as --exclude")
    if args.report:
        print(f"pictures: {shown(args.report)}")


def _write_page(args, titles, how, dataset, found, predicted):
    about = ["A suspect is a suggestion, no verdict: the label may be right and the model wrong. Nothing was deleted "
             f"or changed; {shown(args.out)} lists these frames for --exclude, every line commented out.", how]
    write_whole(args.report, suspects_page(f"Suspects in {', '.join(titles)}", about, dataset, found, predicted))
