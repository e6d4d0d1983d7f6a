"""Showing how downloads go: a board that knows, and views that draw it. A view never touches the runtime."""
