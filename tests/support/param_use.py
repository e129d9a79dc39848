"""What a stage reads, followed through its syntax tree and the functions it calls.

What a member of `Project` reads is taken from that class's own syntax tree, so the class can't read
more than a stage declares without a test that fails.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from tests.support.graph import ROOT, imported_files, module_path
from zimage_eval.config.frozen import Frozen
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.params import Params, Study

PROJECT = "project"
NAMED = "project of a named model"
"""What `Project.open(model=...)` returns: its model is not that of params.yaml."""
SOURCES = {"load_params": "params", "load_model_spec": "spec", "get_study": "study"}
"""What a function returns whose result's fields are values."""
FIELDS: dict[str, type[Frozen]] = {"params": Params, "spec": ModelSpec, "study": Study}
RETURNED = {"Params": "params", "ModelSpec": "spec"}
"""The same of `Project`'s members, by the annotation of what they return."""
ANY_NAME = "[^/]+"
Names = Mapping[str, str]
"""The kind of a local: a key of FIELDS, PROJECT or NAMED."""
Bound = Mapping[str, str]
"""Arguments whose value stands in the call."""
Functions = Mapping[str, list[ast.FunctionDef]]


class Use(NamedTuple):
    """What is read."""

    params: frozenset[str] = frozenset()
    """`params:<field>`, `spec:<field>`, `study:<field>`, and `params:benchmarks.<name>`."""
    paths: frozenset[str] = frozenset()
    """Patterns of the paths that come from a project, relative to its folder."""

    def __or__(self, more: "Use") -> "Use":
        return Use(self.params | more.params, self.paths | more.paths)


def stage_use(module: str) -> Use:
    """Fields and paths that a stage reads of its project, or of what SOURCES return.

    An object handed on is followed into the functions of that name in the imported files.
    """
    functions: dict[str, list[ast.FunctionDef]] = {}
    for file in imported_files(module):
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                functions.setdefault(node.name, []).append(node)
    return use_of(ast.parse(module_path(module).read_text(encoding="utf-8")), functions)


def use_of(tree: ast.AST, functions: Functions) -> Use:
    """What a module reads; `functions` are those that it may call, by name."""
    return _read_in(tree, {}, {}, functions)


@cache
def project_members() -> dict[str, ast.FunctionDef]:
    """Properties and methods of `Project` by name."""
    text = module_path("zimage_eval.output.project").read_text(encoding="utf-8")
    [project] = [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.ClassDef) and node.name == "Project"
    ]
    return {node.name: node for node in project.body if isinstance(node, ast.FunctionDef)}


def _assignments(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """Each target and what it is given, those of `a, b = c, d` one by one; in their order."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    for node in sorted(nodes, key=lambda node: node.lineno):
        for target in node.targets:
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(target.elts, node.value.elts, strict=True)
            else:
                yield target, node.value


def _locals(tree: ast.AST, arguments: Names) -> Names:
    """The arguments of a function and the locals that hold a project or values."""
    names = dict(arguments)
    for target, value in _assignments(tree):
        if kind := _kind_of(value, names):
            assert isinstance(target, ast.Name), ast.unparse(target)
            assert names.setdefault(target.id, kind) == kind, f"{target.id} is two things"
    return names


def _read_in(tree: ast.AST, arguments: Names, bound: Bound, functions: Functions) -> Use:
    use, names = Use(), _locals(tree, arguments)
    called = {node.func: node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    beginnings = {node.left for node in ast.walk(tree) if isinstance(node, ast.BinOp)}
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and node not in beginnings and not _is_called(node, called):
            path = _path_of(node, names, bound)
            use |= Use(paths=frozenset({path} if path else ()))
        if isinstance(node, ast.Attribute):
            kind = _kind_of(node.value, names)
            if kind in FIELDS and node.attr in FIELDS[kind].model_fields:
                use |= Use(frozenset({f"{kind}:{node.attr}"}))
            elif kind in (PROJECT, NAMED):
                use |= _read_by_member(node.attr, kind, called.get(node), bound, functions)
        elif isinstance(node, ast.Call):
            handed = [*enumerate(node.args), *((word.arg, word.value) for word in node.keywords)]
            for place, value in handed:
                if kind := _kind_of(value, names):
                    use |= _read_by_callee(_called_name(node), place, kind, functions)
    return use


def _is_called(node: ast.expr, called: Mapping[ast.expr, ast.Call]) -> bool:
    """A method alone is no path, its call may be one."""
    return node in called


def _read_by_member(
    name: str, kind: str, call: ast.Call | None, bound: Bound, functions: Functions
) -> Use:
    """What a member of a project reads. Where a path is all, the caller has it from `_path_of`."""
    if name in ("folder", "named_model") or (name == "model" and kind == NAMED):
        return Use()
    member = project_members().get(name)
    assert member is not None, f"Project has no {name}"
    values = _arguments(member, call, bound)
    if name == "benchmark":
        assert "name" in values, "the name of a benchmark stands in the stage"
        return Use(frozenset({f"params:benchmarks.{values['name']}"}))
    use = _read_in(member, {"self": kind}, values, functions)
    return Use(use.params) if _returns(member) == "Path" else use


def _read_by_callee(name: str, place: int | str | None, kind: str, functions: Functions) -> Use:
    assert name in functions, f"{name} is handed a whole {kind}: what does it read?"
    use = Use()
    for function in functions[name]:
        arguments = [argument.arg for argument in function.args.args]
        parameter = arguments[place] if isinstance(place, int) else place
        assert parameter is not None
        use |= _read_in(function, {parameter: kind}, {}, functions)
    return use


def _kind_of(node: ast.AST, names: Names) -> str | None:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if isinstance(node, ast.Attribute) and _kind_of(node.value, names) in (PROJECT, NAMED):
        member = project_members().get(node.attr)
        return RETURNED.get(_returns(member)) if member else None
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "Project.open":
        has_model = len(node.args) > 1 or any(word.arg == "model" for word in node.keywords)
        return NAMED if has_model else PROJECT
    return SOURCES.get(_called_name(node))


def _path_of(node: ast.AST, names: Names, bound: Bound) -> str | None:
    """The pattern of a path below a project's folder; None for anything else."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        start = _path_of(node.left, names, bound)
        return None if start is None else f"{start}/{_text_of(node.right, bound)}".lstrip("/")
    call = node if isinstance(node, ast.Call) else None
    member = call.func if call else node
    if not isinstance(member, ast.Attribute):
        return None
    kind = _kind_of(member.value, names)
    if kind not in (PROJECT, NAMED):
        return None
    if member.attr == "folder":
        return ""
    function = project_members().get(member.attr)
    if function is None or _returns(function) != "Path":
        return None
    [path] = {
        _path_of(node.value, {"self": kind}, _arguments(function, call, bound))
        for node in ast.walk(function)
        if isinstance(node, ast.Return) and node.value
    }
    assert path is not None, f"Project.{member.attr}: which path does it return?"
    return path


def _text_of(node: ast.AST, bound: Bound) -> str:
    if isinstance(node, ast.Constant):
        return re.escape(str(node.value))
    if isinstance(node, ast.JoinedStr):
        return "".join(_text_of(part, bound) for part in node.values)
    value = node.value if isinstance(node, ast.FormattedValue) else node
    name = value.id if isinstance(value, ast.Name) else ""
    return re.escape(bound[name]) if name in bound else ANY_NAME


def _arguments(function: ast.FunctionDef, call: ast.Call | None, bound: Bound) -> dict[str, str]:
    """The arguments of a member's call whose value is known."""
    names = [argument.arg for argument in function.args.args][1:]
    given = [*zip(names, call.args, strict=False)] if call else []
    given += [(word.arg or "", word.value) for word in call.keywords] if call else []
    values = {}
    for name, value in given:
        if isinstance(value, ast.Constant):
            values[name] = str(value.value)
        elif isinstance(value, ast.Name) and value.id in bound:
            values[name] = bound[value.id]
    return values


def _returns(function: ast.FunctionDef) -> str:
    return ast.unparse(function.returns) if function.returns else ""


def _called_name(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return str(getattr(function, "attr", None) or getattr(function, "id", ""))
