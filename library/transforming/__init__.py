"""The `transformation` of an upload (API 2.4): the picture is changed before it is stored, and is then the original.

`steps` reads what is asked, `running` has it done by a limited process of its own, `child`; `drawing` is the work.
"""
