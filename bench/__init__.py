"""Side by side: Argosy and its peers, the same work, the same minute, the same machine. `python -m bench`, or see README.md.

How the modules hang together:
    __main__   reads the options, then
    cases, store_cases   say what is asked of whom; each attempt is started by measure, checked by payload
    tools      how each tool is told to do it, with its best reasonable flags
    servers    nginx, paced.py (strict pace a connection) and arrivals (when did the first request come)
    rounds     takes turns: A B C, A B C, …
    targets    what Argosy must reach, judged from the samples (pure)
    report     the Markdown and the JSON
"""
