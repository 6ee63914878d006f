"""What it means: the compiled MIBs, the bindings that tie them to the model, and the View.

Nothing here talks to anybody. The SMIv2 texts are in ``asn1``, what pysmi made of them in
``compiled``.
"""
