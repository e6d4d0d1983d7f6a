"""The pure heart: values and decisions.

What lives here takes values and a clock reading and returns values. Nothing here opens a file or a socket,
starts a task, reads a clock or draws a random number; so everything here can be read in one sitting and
tested exhaustively.
"""
