"""How often an account may ask, and how fast credentials may be guessed (API 1.7, REL A6; decision 0017).

`rates` counts requests, `failures` counts refused keys and passwords. Both count in `store()`: in Redis or Valkey for
all processes together where there is one, else in this process.
"""
