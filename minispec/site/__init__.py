"""The course as a site: its notebooks as static pages, which need no network, no server and no kernel."""
