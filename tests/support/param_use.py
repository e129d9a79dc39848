"""Which parameters a stage reads, followed through its syntax tree and the functions it calls."""

import ast
from collections.abc import Mapping

from tests.support.graph import ROOT, imported_files, module_path
from zimage_eval.config.frozen import Frozen
from zimage_eval.config.model_spec import ModelSpec
from zimage_eval.config.params import Params, Study

SOURCES: dict[str, type[Frozen]] = {
    "load_params": Params,
    "load_model_spec": ModelSpec,
    "get_study": Study,
}
KINDS: dict[type[Frozen], str] = {Params: "params", ModelSpec: "spec", Study: "study"}
Names = Mapping[str, type[Frozen]]
Functions = Mapping[str, list[ast.FunctionDef]]


def used_params(module: str) -> set[str]:
    """Fields read of what SOURCES return: `params:<field>`, `spec:<field>`, `study:<field>`.

    An object handed on is followed into the functions of that name in the imported files.
    """
    functions: dict[str, list[ast.FunctionDef]] = {}
    for file in imported_files(module):
        for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                functions.setdefault(node.name, []).append(node)
    tree = ast.parse(module_path(module).read_text(encoding="utf-8"))
    names = {
        node.targets[0].id: SOURCES[_called_name(node.value)]
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and _called_name(node.value) in SOURCES
    }
    return _fields_read(tree, names, functions)


def _fields_read(tree: ast.AST, names: Names, functions: Functions) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = _type_of(node.value, names)
            if owner and node.attr in owner.model_fields:
                found.add(f"{KINDS[owner]}:{node.attr}")
        elif isinstance(node, ast.Call):
            handed = [*enumerate(node.args), *((word.arg, word.value) for word in node.keywords)]
            for place, value in handed:
                owner = _type_of(value, names)
                if owner:
                    found |= _read_by_callee(_called_name(node), place, owner, functions)
    return found


def _read_by_callee(
    name: str, place: int | str | None, owner: type[Frozen], functions: Functions
) -> set[str]:
    assert name in functions, f"{name} is handed a whole {owner.__name__}: what does it read?"
    found = set()
    for function in functions[name]:
        arguments = [argument.arg for argument in function.args.args]
        parameter = arguments[place] if isinstance(place, int) else place
        assert parameter is not None
        found |= _fields_read(function, {parameter: owner}, functions)
    return found


def _type_of(node: ast.AST, names: Names) -> type[Frozen] | None:
    if isinstance(node, ast.Name):
        return names.get(node.id)
    return SOURCES.get(_called_name(node))


def _called_name(node: ast.AST) -> str:
    function = node.func if isinstance(node, ast.Call) else None
    return str(getattr(function, "attr", None) or getattr(function, "id", ""))
