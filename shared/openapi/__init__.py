"""The OpenAPI document of a service: one problem component, the codes of each operation, security, headers, examples.

service.Route ──▶ raised.py      the error classes that its code can raise (types.py and code.py read the code)
              ──▶ problems.py    one answer per status, with the codes as an enum
              ──▶ security.py    who may call it
              ──▶ headers.py     what goes along
              ──▶ examples.py    an example for each body
document.py puts them together, once for each application.
"""
