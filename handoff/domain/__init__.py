"""The rules, pure: what a case may become and who may do it, working time and deadlines, who gets a case, what a case
number looks like, what is masked in a text.

Nothing here reads a clock, a file, the network or the database, and nothing of the project is imported: time and
choice are parameters, so every rule is tested by tables. All datetimes are timezone-aware.
"""
