"""The commands of what runs on the robot (see `remote_script`): arguments in, one JSON object out."""
import json
import os
import sys

from .remote_base import Refusal, explain
from .remote_drives import moving, stop
from .remote_files import listing, notebooks
from .remote_look import look
from .remote_steps import begin, discard, prove, rollback, switch

COMMANDS = {function.__name__: function for function in
            (look, moving, stop, begin, discard, prove, switch, rollback, notebooks, listing)}


def main(arguments):
    command, options = arguments[0], json.loads(arguments[1])
    os.chdir("/")  # a folder jetbot_mlp where one happens to stand must not be taken for the package
    try:
        answer = COMMANDS[command](**options)
    except Refusal as refusal:
        answer = {"error": str(refusal)}
    except OSError as error:
        answer = {"error": explain(error)}
    try:
        print(json.dumps(answer))
        sys.stdout.flush()
    except OSError:  # nobody listens any more
        if command == "prove":
            discard(options["folder"], options["token"])
        os._exit(1)
