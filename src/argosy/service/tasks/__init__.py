"""How tasks begin over HTTP: from a form, through what its sender may ask for, to the runtime's verb.

May live here: rules between a form and the runtime that the asker's rights have a say in. May not: what a task then does.
"""
