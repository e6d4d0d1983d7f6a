"""Finished files, handed out: by signed links that expire, whole or a range, and never another file than was downloaded.

:mod:`link` signs, :mod:`results` opens, :mod:`conditional` decides what of a file is to be sent, :mod:`filebody` sends it.
"""
