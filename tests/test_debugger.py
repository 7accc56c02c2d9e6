"""Breakpoints stop, by the protocol that JupyterLab's debugger speaks with its kernel, and the locals can be read."""

import os
import queue
import re
import sys
import time
from pathlib import Path

import pytest

import minispec.speculation
from minispec import KVCache, load, speculative_round
from minispec.decoding import prefill_both

jupyter_client = pytest.importorskip("jupyter_client")
pytest.importorskip("debugpy")
pytest.importorskip("ipykernel")
SOURCE = Path(minispec.speculation.__file__)
ROOT = SOURCE.parent.parent
READY = """
from minispec import load, speculative
from minispec.teaching.bugs import load_bug
broken = load_bug("first-draft-only")
target, tokenizer = load("tales-24")
draft, _ = load("tales-1")
theirs = broken.load("tales-24")[0], broken.load("tales-1")[0]
print("<<" + broken.speculation.__file__ + ">>")
"""
DECODE = 'speculative(target, draft, tokenizer.encode("The cat sat"), new_tokens=4, tau=3)'


def line(text, source=SOURCE):
    """The number of the one line of speculation.py that begins with text."""
    lines = source.read_text(encoding="utf-8").split("\n")
    found = [number for number, each in enumerate(lines, start=1) if each.strip().startswith(text)]
    assert len(found) == 1, (text, found)
    return found[0]


class Debugger:
    """What JupyterLab does with a kernel when its debugger is on."""

    def __init__(self, client):
        self.client, self.seq = client, 0

    def attach(self):
        """Switch the debugger on."""
        self.request("initialize", clientID="test", adapterID="python", pathFormat="path", linesStartAt1=True,
                     columnsStartAt1=True, supportsVariableType=True)
        self.request("attach")
        self.request("configurationDone")

    def break_at(self, source, *lines):
        """These breakpoints in a file, and no other ones in it."""
        points = self.request("setBreakpoints", source={"path": str(source)},
                              breakpoints=[{"line": each} for each in lines], sourceModified=False)
        assert all(each["verified"] for each in points["breakpoints"])

    def run(self, code):
        """What the code prints."""
        printed = []
        reply = self.client.execute_interactive(code, timeout=60, output_hook=printed.append)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join([message["content"]["text"] for message in printed if message["msg_type"] == "stream"])

    def request(self, command, timeout=30, **arguments):
        self.seq += 1
        content = {"type": "request", "seq": self.seq, "command": command, "arguments": arguments}
        message = self.client.session.msg("debug_request", content)
        self.client.control_channel.send(message)
        while True:
            reply = self.client.control_channel.get_msg(timeout=timeout)
            if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                assert reply["content"]["success"], reply["content"]
                return reply["content"].get("body", {})

    def stopped(self, timeout=60):
        """The thread of the next `stopped` event."""
        end = time.time() + timeout
        while time.time() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            assert message["msg_type"] != "error", message["content"]
            if message["msg_type"] == "debug_event" and message["content"]["event"] == "stopped":
                return message["content"]["body"]["threadId"]
        raise TimeoutError("no stopped event")

    def top(self, thread):
        """(function, line, {local: value as the debugger shows it}) of the innermost frame."""
        frame = self.request("stackTrace", threadId=thread)["stackFrames"][0]
        scope = self.request("scopes", frameId=frame["id"])["scopes"][0]
        shown = self.request("variables", variablesReference=scope["variablesReference"])["variables"]
        return frame["name"], frame["line"], {each["name"]: each["value"] for each in shown}


@pytest.fixture(scope="module")
def debugger():
    """A kernel that has imported everything and read the models, with its debugger on: (debugger, the bug's file)."""
    manager = jupyter_client.KernelManager(kernel_name="python3")
    manager.start_kernel(env={**os.environ, "PYTHONPATH": str(ROOT)})
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        debugger = Debugger(client)
        copy = Path(re.search("<<(.*)>>", debugger.run(READY))[1])     # before a debugger looks at every call
        debugger.attach()
        yield debugger, copy
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_breakpoints_in_propose_and_verify_stop(debugger):
    debugger, _ = debugger
    in_propose, in_verify = line("logits_TV = draft(unseen, cache)"), line("return choices, target_logits_TV")
    debugger.break_at(SOURCE, in_propose, in_verify)
    debugger.client.execute(DECODE)
    for t in (1, 2, 3):
        thread = debugger.stopped()
        function, at, shown = debugger.top(thread)
        assert (function, at) == ("propose", in_propose)
        assert shown["t"] == str(t)
        context, unseen, proposed = (eval(shown[name]) for name in ("context", "unseen", "proposed"))
        assert len(proposed) == t - 1 and context[3:] == proposed and unseen == context[-1:]
        cached = int(shown["cache"].split(": ")[1].split(" cached")[0])
        assert cached == len(context) - 1
        assert shown["cache"].split("\n")[1] == "■" * cached + "_"        # the strip, in the debugger's own window
        debugger.request("continue", threadId=thread)
    thread = debugger.stopped()
    function, at, shown = debugger.top(thread)
    assert (function, at) == ("verify", in_verify)
    assert len(eval(shown["choices"])) == len(eval(shown["proposed"])) + 1 == len(eval(shown["unseen"])) == 4
    assert shown["target_logits_TV"].startswith("array([[")
    debugger.break_at(SOURCE)
    debugger.request("continue", threadId=thread)
    debugger.run("")


def test_a_breakpoint_in_a_bug_stops(debugger):
    """In the copy's own file, at a line that the clean file does not have."""
    debugger, copy = debugger
    assert ROOT not in copy.parents
    debugger.break_at(copy, line("cache.truncate(len(context) - 1)", copy))
    debugger.client.execute(f'broken.{DECODE.replace("target, draft", "*theirs")}')
    for t in (1, 2, 3):
        thread = debugger.stopped()
        function, _, shown = debugger.top(thread)
        assert function == "propose" and shown["t"] == str(t)
        assert len(eval(shown["context"])) == 3 + min(t - 1, 1)         # X and the first draft, no more
        debugger.request("continue", threadId=thread)


# ------------------------------------------------------------------------------------------------- stepping into a round

def frames_of_a_round(tau):
    """The functions of ours that a debugger enters in one round, passes of a model not looked into."""
    target, tokenizer = load("tales-24")
    draft, _ = load("tales-1")
    tokens = tokenizer.encode("The cow jumped over the moon")
    target_cache, draft_cache, _ = prefill_both(target, draft, tokens)
    entered, depth = [], 0

    def trace(frame, event, _):
        nonlocal depth
        ours = frame.f_code.co_filename.startswith((str(SOURCE.parent), "<string>"))     # <string>: a dataclass's own
        if event == "call" and depth == 0 and ours:
            entered.append(frame.f_code.co_name)
        inside = depth or frame.f_code.co_filename.endswith("model.py")
        if inside and event in ("call", "return"):
            depth += 1 if event == "call" else -1
        return trace

    sys.settrace(trace)
    try:
        this_round = speculative_round(target, draft, tokens, tau, target_cache, draft_cache)
    finally:
        sys.settrace(None)
    return entered, this_round


@pytest.mark.parametrize("tau", [1, 4])
def test_a_stranger_who_steps_into_a_round_meets_the_idea(tau):
    """28 frames outside the model, 14 of them before the first draft pass, were checks and properties."""
    entered, this_round = frames_of_a_round(tau)
    passes = [place for place, name in enumerate(entered) if name == "__call__"]
    assert len(passes) == len(this_round.proposed) + 1
    assert passes[0] <= 4, entered[:passes[0]]
    assert len(entered) - len(passes) <= 14, entered


def test_a_pass_of_a_model_begins_with_one_check():
    """Not with one for every token."""
    model, _ = load("tales-1")
    entered = []

    def trace(frame, event, _):
        entered.append(frame.f_code.co_name)

    cache = KVCache(model.config)
    sys.settrace(trace)
    try:
        model([5, 6, 7], cache)
    finally:
        sys.settrace(None)
    assert entered[:3] == ["__call__", "check_pass", "run_layer"]
