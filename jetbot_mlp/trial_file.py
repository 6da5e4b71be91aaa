"""Finished trials of a search as a CSV file: one line each, written at once, read again to go on.

Ctrl-C, kill -9 or a power cut cost the trials that were under way, nothing else.
"""
import csv
import io
import os

from .errors import JetbotMLPError


class TrialFile:
    """The file. Its first columns are run, trial, score and seconds, then the settings, then the folds' scores.

    path: of the file; run: str that stands for all that a score depends on besides the settings (frames, folds,
    seed, recipe), so that scores of different runs never mix; settings, folds: names of the other columns.
    Raises JetbotMLPError when the file holds something else.
    """

    def __init__(self, path, run, settings, folds):
        self.path, self.run = path, run
        self.n_settings = len(settings)
        self.header = ["run", "trial", "score", "seconds"] + list(settings) + list(folds)

    def read(self):
        """-> {trial number: (list of the folds' scores, float; seconds)}; empty when there is no file yet.

        A last line that was cut off is taken out of the file.
        """
        if not os.path.exists(self.path):
            return {}
        with open(self.path, "rb") as stream:
            data = stream.read()
        whole = data[:data.rfind(b"\n") + 1]
        done = {}
        try:
            rows = list(csv.reader(io.StringIO(whole.decode("utf-8"), newline="")))
            if rows and rows[0] != self.header:
                raise ValueError("other columns")
            for row in rows[1:]:
                if row[0] != self.run:
                    raise ValueError("trials on other frames, folds, seeds or recipes")
                if len(row) != len(self.header):
                    raise ValueError(f"a line of {len(row)} columns instead of {len(self.header)}")
                done[int(row[1])] = [float(cell) for cell in row[4 + self.n_settings:]], float(row[3])
            if data and not rows:
                raise ValueError("no whole line")
        except (ValueError, IndexError, csv.Error) as error:  # UnicodeDecodeError is a ValueError
            raise JetbotMLPError(f"expected trials of this very search in {self.path}, found {error}; choose another "
                                 f"file, or move this one away")
        if len(whole) < len(data):
            with open(self.path, "r+b") as stream:
                stream.truncate(len(whole))
        return done

    def append(self, trial, score, seconds, settings, scores):
        """One finished trial. settings, scores: one for each column."""
        rows = [[self.run, trial, repr(score), f"{seconds:.2f}"] + [str(value) for value in settings]
                + [repr(value) for value in scores]]
        if not os.path.exists(self.path) or os.path.getsize(self.path) == 0:
            rows.insert(0, self.header)
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows(rows)
        with open(self.path, "a", encoding="utf-8", newline="") as stream:
            stream.write(text.getvalue())
            stream.flush()
            os.fsync(stream.fileno())
