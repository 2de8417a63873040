"""The steps of dr-restore-test that read a restored database, over the one that runs on its port."""
import importlib.machinery
import importlib.util
import json
import sys

loader = importlib.machinery.SourceFileLoader("restore_test", "/usr/local/sbin/dr-restore-test")
module = importlib.util.module_from_spec(importlib.util.spec_from_loader("restore_test", loader))
sys.dont_write_bytecode = True
loader.exec_module(module)
checks = [
    {"name": "view", "database": "app", "sql": "SELECT count(*) FROM orders", "expect": "42"},
    {"name": "policies", "database": "app", "sql": "SELECT count(*) FROM public.secured", "expect": "7"},
]
test = module.Test({"checks": checks})
test.scratch.sockets = "/var/lib/dr/by-hand/data.restore/socket"
if sys.argv[1] == "amcheck":
    test.amcheck()
else:
    print(json.dumps(test.checks()))
