"""`serve`: what the hall calls out is decoded on this machine, for pages of this server only; bad requests get a
sentence and nothing else."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from threading import Thread

import pytest
from conftest import HANGS

from minispec import greedy, load
from minispec.command import main
from minispec.commands import serving
from minispec.defaults import PROMPT
from minispec.commands.recording import BUGS, MOST_RUNS, Asked, combinations, decode_for_page
from minispec.views.stage.page import page


@pytest.fixture(scope="module")
def server():
    served = serving.Server(0, page([decode_for_page(Asked("The cat sat", 2, new_tokens=4))], serving.live_form()))
    Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
    yield served
    served.shutdown()
    served.server_close()


def ask(server, method="POST", path="/run", body=b'{"prompt": "The cat sat"}', **headers):
    """The status, the headers and the body; a header given as None is left out."""
    here = f"127.0.0.1:{server.server_port}"
    sent = {"Host": here, "Origin": f"http://{here}", "Content-Type": "application/json",
            "Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    for name, value in sent.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer.status, answer.headers, read


def test_a_sentence_of_the_hall_comes_back_as_a_show_of_the_targets_own_text(server):
    asked = {"prompt": "The goat sat on the boat.", "tau": "3", "draft": "tales-1", "target": "tales-24", "bug": ""}
    status, _, body = ask(server, body=json.dumps(asked).encode())
    [run] = json.loads(body)["runs"]
    target, tokenizer = load("tales-24")
    text = "".join(run["words"][word][1] for word in run["prompt"] + [w for r in run["rounds"] for w in r["committed"]])
    assert status == 200 and text == tokenizer.decode(greedy(target, tokenizer.encode(asked["prompt"]), 160))
    assert json.loads(body)["asked"]["tau"] == 3 and run["plain"] is not None


def test_a_bug_of_the_gallery_comes_back_as_two_runs(server):
    status, _, body = ask(server, body=json.dumps({"prompt": "The cat sat", "bug": "first-draft-only"}).encode())
    assert status == 200 and len(json.loads(body)["runs"]) == 2


def test_the_page_is_served_and_says_that_it_may_load_nothing(server):
    status, headers, body = ask(server, "GET", "/", b"")
    assert status == 200 and b'id="stage"' in body and b'"address":"run"' in body
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
    assert ask(server, "GET", "/", b"", Host=f"localhost:{server.server_port}", Origin=None)[0] == 200


REFUSED = {
    "another site's name for this machine": (403, {"Host": "evil.example", "Origin": "http://evil.example"}),
    "the right name at another port": (403, {"Host": "127.0.0.1:1", "Origin": None}),
    "no host": (403, {"Host": None}),
    "a page of another site": (403, {"Origin": "http://evil.example"}),
    "a page from a file": (403, {"Origin": "null"}),
    "a form of another site": (415, {"Content_Type": "text/plain"}),
    "no kind": (415, {"Content_Type": None}),
    "no length": (411, {"Content_Length": None}),
    "a negative length": (411, {"Content_Length": "-1"}),
    "a length that is no number": (411, {"Content_Length": "x2"}),
    "pieces": (411, {"Transfer_Encoding": "chunked"}),
    "too long": (413, {"Content_Length": "999999"}),
    "endless": (411, {"Content_Length": "9" * 40}),
    "another address": (404, {"path": "/"}),
    **{f"another page, {path}": (404, {"method": "GET", "path": path}) for path in ("/run", "/../../etc/passwd", "/?x=1")},
    **{f"another method, {method}": (501, {"method": method}) for method in ("PUT", "DELETE", "OPTIONS")},
}


@pytest.mark.parametrize("case", REFUSED)
def test_only_two_addresses_answer_pages_of_this_server_that_send_a_bounded_length(server, case):
    status, different = REFUSED[case]
    got, headers, body = ask(server, **{"body": b"{}", **different})
    assert got == status
    if headers["Content-Type"] == "application/json":
        assert set(json.loads(body)) == {"error"}
    assert b"root:" not in body


BAD_BODIES = {
    "nothing": (b"", "JSON"), "no JSON": (b"{", "JSON"), "not UTF-8": (b'"\xff"', "JSON"),
    "too deep": (b"[" * 4000, "JSON"), "a list": (b"[]", "object"), "no prompt": (b"{}", "prompt"),
    "an unknown name": (b'{"prompt": "a", "file": "/etc/passwd"}', "object"),
    "a prompt that is no text": (b'{"prompt": 3}', "prompt is int"),
    "an empty prompt": (b'{"prompt": ""}', "prompt has 0"),
    "a long prompt": (json.dumps({"prompt": "a" * 401}).encode(), "prompt has 401"),
    "half a character": (b'{"prompt": "\\ud83d"}', "half a character"),
    "a tau that is no number": (b'{"prompt": "a", "tau": "four"}', "tau is 'four'"),
    "a tau that is not whole": (b'{"prompt": "a", "tau": 1.5}', "tau"),
    "a negative tau": (b'{"prompt": "a", "tau": -1}', "tau is -1"),
    "a large tau": (b'{"prompt": "a", "tau": 17}', "tau is 17"),
    "a tau of true": (b'{"prompt": "a", "tau": true}', "tau"),
    "a folder": (b'{"prompt": "a", "draft": "../../etc"}', "draft is '../../etc'"),
    "a target that is a list": (b'{"prompt": "a", "target": []}', "target is list"),
    "an unknown bug": (b'{"prompt": "a", "bug": "all"}', "bug is 'all'"),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_what_cannot_be_decoded_is_one_sentence_that_names_it(server, case):
    body, part = BAD_BODIES[case]
    status, _, answer = ask(server, body=body)
    error = json.loads(answer)["error"]
    assert status == 400 and part in error and "\n" not in error and "Traceback" not in error


def test_one_sentence_is_decoded_at_a_time_and_one_after_it_again(server):
    assert server.decoding.acquire(timeout=30)
    try:
        status, _, body = ask(server)
    finally:
        server.decoding.release()
    assert status == 503 and "try again" in json.loads(body)["error"]
    assert ask(server)[0] == 200


def test_connections_that_say_nothing_take_no_more_places_than_there_are(server, monkeypatch):
    idle = [socket.create_connection(("127.0.0.1", server.server_port)) for _ in range(serving.MOST_REQUESTS)]
    with pytest.raises(OSError):
        for _ in range(50):              # the server takes connections one after another: at last all places are taken
            ask(server, "GET", "/", b"")
    for connection in idle:
        connection.close()
    for _ in range(100):
        try:
            assert ask(server, "GET", "/", b"")[0] == 200
            break
        except OSError:
            continue


def test_when_the_answer_comes_the_next_sentence_can_be_asked(server, monkeypatch):
    """Once it was refused with "another sentence is being decoded" for a moment longer."""
    answer, free = serving.Handler.answer, []

    def watched(handler, *arguments):
        if free_now := handler.server.decoding.acquire(blocking=False):
            handler.server.decoding.release()
        free.append(free_now)
        answer(handler, *arguments)
    monkeypatch.setattr(serving.Handler, "answer", watched)
    for case in ("a large tau", next(iter(BAD_BODIES))):
        assert ask(server, body=BAD_BODIES[case][0])[0] == 400
    assert ask(server)[0] == 200 and free == [True] * 3


def test_it_listens_on_this_machine_only(server):
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_the_command_prints_its_address_writes_nothing_and_ends_with_ctrl_c(tmp_path):
    run = subprocess.Popen([sys.executable, "-m", "minispec", "serve", "The cat sat", "--port", "0"], cwd=tmp_path,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    line = run.stdout.readline()
    assert line.startswith("http://127.0.0.1:")
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=HANGS)
    assert run.returncode == 0 and errors == "" and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [["--port", "99999"], ["--port", "-1"], ["--tau", "99"], ["--draft", "no-such"], [""]])
def test_bad_options_of_the_command_are_one_sentence(options, capsys):
    assert main(["serve", *options]) == 2 and capsys.readouterr().err.count("\n") == 1


# ------------------------------------------------------------------------------------------------- several runs, no server

def test_as_many_recorded_runs_as_a_page_holds_fit_three_megabytes(monkeypatch):
    """Measured on the largest kind, two runs side by side."""
    monkeypatch.setattr("minispec.views.stage.page.PLAIN", 0)
    pair = decode_for_page(Asked(PROMPT, 8, bug="first-draft-only"), logits=False)
    data = re.search('id="data">(.*?)</script>', page([pair]), re.S)[1]
    assert 10_000 < MOST_RUNS * len(data) <= 3_000_000


def test_more_runs_than_a_page_holds_and_unknown_names_are_refused_before_anything_is_decoded():
    with pytest.raises(ValueError, match=f"52 runs; a page holds at most {MOST_RUNS}"):
        combinations(Asked("a"), [1, 2, 3, 4], ["tales-1"], list(BUGS[:13]))
    with pytest.raises(ValueError, match="draft is 'x'"):
        combinations(Asked("a"), [1], ["tales-1", "x"], [""])


def test_the_html_option_takes_several_taus_drafts_and_bugs(tmp_path, capsys):
    path = tmp_path / "x.html"
    several = ["--tau", "2", "--tau", "4", "--draft", "tales-1", "--bug", "bonus-lost", "--new-tokens", "12"]
    assert main(["The cat sat", *several, "--html", str(path)]) == 0
    asked = re.findall('"asked":({"prompt".*?})', path.read_text(encoding="utf-8"))
    assert {(one["tau"], one["draft"], one["bug"]) for one in map(json.loads, asked)} == {
        (tau, "tales-1", bug) for tau in (2, 4) for bug in ("", "bonus-lost")} and len(asked) == 4
    capsys.readouterr()
    assert main(["The cat sat", "--bug", "bonus-lost"]) == 2 and "--bug is 'bonus-lost'" in capsys.readouterr().err
