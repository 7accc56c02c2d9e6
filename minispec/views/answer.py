"""What a notebook's cell shows, behind a click: the answer to a question that the reader should answer first.

Invariant: behind the bar is what the cell would have shown without it.  The cell stays plain Python, so that a
breakpoint in it works; the bar is HTML's own <details>, which needs no script, no kernel and no trust.
"""

import html
import sys

BAR = '<summary style="cursor: pointer"><b>Answer</b></summary>'
PRE = '<pre style="font-family: monospace; line-height: 1.4; overflow-x: auto">{}</pre>'


class Fold:
    """One cell, whose outputs are kept back until it has run."""

    def __init__(self, shell):
        from IPython.utils.capture import capture_output
        self.shell = shell
        self.capture = capture_output(stderr=False)

    def open(self) -> None:
        """Keep back what is shown from now on."""
        self.kept = self.capture.__enter__()
        self.shell.events.register("post_run_cell", self.close)

    def close(self, result) -> None:
        """Called by IPython when the cell has run: show everything, folded."""
        self.shell.events.unregister("post_run_cell", self.close)
        self.capture.__exit__(None, None, None)
        printed = [{"text/plain": self.kept.stdout.rstrip("\n")}] if self.kept.stdout else []
        shown = printed + [output.data for output in self.kept.outputs]
        if shown:
            markup = "\n".join([as_html(data) for data in shown])
            words = "\n".join([data.get("text/plain", "") for data in shown])
            folded_data = {"text/html": f"<details>{BAR}\n{markup}\n</details>", "text/plain": f"Answer:\n{words}"}
            self.shell.display_pub.publish(folded_data)


def as_html(data: dict) -> str:
    """One output of a cell as HTML, by its best form."""
    if "text/html" in data:
        return data["text/html"]
    return PRE.format(html.escape(data.get("text/plain", ""), quote=False))


def fold_answer() -> None:
    """The first line of a cell that answers a question: whatever the cell shows goes behind a bar, "Answer".

    What is printed stands first, then what is displayed.  Outside a notebook it does nothing.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is not None and "Capturing" not in type(shell.display_pub).__name__:      # a second call in one cell
        Fold(shell).open()
