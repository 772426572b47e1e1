"""The native core: touch samples in, stroke records out.

It imports nothing of the package, knows numbers only (enums are wrapped in `capture.gestures`) and
raises builtins. Python code outside `capture.gestures` imports nothing from here.
"""
