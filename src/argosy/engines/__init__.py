"""Engines move the bytes of a file. They know a part file, a ledger, a throttle and a cancel token; never a task's status.

All engine code runs on the transfer loop (a thread of its own), where blocking on a small positioned write is
allowed and everything slower goes to an executor.
"""
