"""Where a file can go wrong, and how: mistakes such as people make, found in its syntax tree."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from mutating.mistake import Mistake

COMPARISONS = {
    ast.Lt: ("<", "<=", ">"),
    ast.LtE: ("<=", "<", ">="),
    ast.Gt: (">", ">=", "<"),
    ast.GtE: (">=", ">", "<="),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
}
OPERATIONS = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "//"),
    ast.Pow: ("**", "*"),
    ast.BitOr: ("|", "&"),
    ast.BitAnd: ("&", "|"),
}
MIXED_UP = [  # names that people take for each other
    ("mean", "median"),
    ("mean", "sum"),
    ("min", "max"),
    ("argmin", "argmax"),
    ("minimum", "maximum"),
    ("any", "all"),
    ("train", "val"),
    ("val", "test"),
    ("low", "high"),
    ("first", "last"),
    ("score", "truth"),
    ("params", "madds"),
    ("c_in", "c_out"),
    ("kernel", "stride"),
    ("steps", "step"),
    ("epochs", "epoch"),
    ("std", "var"),
    ("ceil", "floor"),
    ("student", "teacher"),
    ("first", "second"),
    ("ReLU", "ReLU6"),
]
GUARDS = ("strict", "usedforsecurity", "kind", "dtype")  # arguments that decide no number
DROPPED_CALLS = ("detach", "clone", "abs", "sqrt", "reversed", "sorted", "exp", "log", "float")
OTHER = {name: [] for pair in MIXED_UP for name in pair}
for _one, _two in MIXED_UP:
    OTHER[_one].append(_two)
    OTHER[_two].append(_one)


def mistakes_in(root: Path, file: str) -> list[Mistake]:
    """The mistakes that may be put into ``file``; not each need be a module still."""
    text = (root / file).read_text(encoding="utf-8")
    finder = _Finder(file, text)
    finder.visit(ast.parse(text))
    return [mistake for mistake in dict.fromkeys(finder.found) if mistake.old != mistake.new]


def is_module(text: str) -> bool:
    """Whether Python reads ``text``."""
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


class _Finder(ast.NodeVisitor):
    def __init__(self, file: str, text: str):
        self.file, self.text, self.found = file, text, []
        lines = text.splitlines(keepends=True)
        self.names = {node.id for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)}
        self.begins = [sum(map(len, lines[:number])) for number in range(len(lines) + 1)]
        self.lines = [line.encode() for line in lines]

    # Where nothing is computed -----------------------------------------------------------------

    def visit_Raise(self, node: ast.Raise) -> None:
        """What an error says is no science."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        """A text for people."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None: ...

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in (*node.defaults, *filter(None, node.kw_defaults)):
            self.visit(default)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.visit(node.args)
        for statement in node.body:
            self.visit(statement)

    def visit_If(self, node: ast.If) -> None:
        if ast.unparse(node.test) == "TYPE_CHECKING":
            return
        if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            self.put(node.test, f"not ({self.source(node.test)})")
        self.generic_visit(node)

    # Mistakes ----------------------------------------------------------------------------------

    def visit_Compare(self, node: ast.Compare) -> None:
        if len(node.ops) == 1:
            symbol, *others = COMPARISONS[type(node.ops[0])]
            left, right = self.sides(node, node.left, node.comparators[0], symbol)
            for other in others:
                self.put(node, f"{left} {other} {right}")
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in OPERATIONS and not isinstance(node.left, ast.Constant | ast.JoinedStr):
            symbol, other = OPERATIONS[type(node.op)]
            left, right = self.sides(node, node.left, node.right, symbol)
            self.put(node, f"{left} {other} {right}")
            if isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
                self.put(node, left)  # a term or a factor is left out
            if isinstance(node.op, ast.Add | ast.Mult):
                self.put(node, right)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        sign = len("not") if isinstance(node.op, ast.Not) else 1
        self.replace(self.at(node), self.at(node) + sign, "")
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        for place in range(len(node.values)):
            others = [self.source(value) for i, value in enumerate(node.values) if i != place]
            word = " and " if isinstance(node.op, ast.And) else " or "
            self.put(node, word.join(others))
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        yes, test, no = (self.source(part) for part in (node.body, node.test, node.orelse))
        self.put(node, f"{no} if {test} else {yes}")
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, bool):
            self.put(node, str(not node.value))
        elif isinstance(node.value, int):
            self.put(node, str(node.value + 1))
            if node.value > 1:
                self.put(node, str(node.value - 1))
        elif isinstance(node.value, float):
            self.put(node, repr(node.value * 2))
        elif isinstance(node.value, str):
            for other in OTHER.get(node.value, ()):
                self.put(node, f'"{other}"')

    def visit_keyword(self, node: ast.keyword) -> None:
        if node.arg not in GUARDS:
            self.visit(node.value)

    def visit_Expr(self, node: ast.Expr) -> None:
        """A call whose answer nobody takes is left out; documentation stays."""
        if isinstance(node.value, ast.Call):
            self.put(node, "pass")
            self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.put(node, "pass")
        target, value = self.source(node.target), self.source(node.value)
        if type(node.op) in OPERATIONS:
            self.put(node, f"{target} {OPERATIONS[type(node.op)][1]}= {value}")
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = node.func.id if isinstance(node.func, ast.Name) else name
        plain = [a for a in node.args if not isinstance(a, ast.Starred)]
        if name in DROPPED_CALLS and len(plain) == 1 == len(node.args):
            self.put(node, self.source(plain[0]))
        if name in DROPPED_CALLS and not node.args and isinstance(node.func, ast.Attribute):
            self.put(node, self.source(node.func.value))
        if len(plain) == len(node.args) == 2:  # arguments in the wrong order
            between = self.text[self.end(plain[0]) : self.at(plain[1])]
            swapped = self.source(plain[1]) + between + self.source(plain[0])
            self.replace(self.at(plain[0]), self.end(plain[1]), swapped)
        for place, keyword in enumerate(node.keywords):  # a default instead of what is meant
            if keyword.arg and keyword.arg not in GUARDS and (node.args or place):
                before = (*node.args, *node.keywords[:place])[-1]
                self.replace(self.end(before), self.end(keyword), "")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load):
            for other in sorted(self.names.intersection(OTHER.get(node.id, ()))):
                self.put(node, other)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.ctx, ast.Load):
            for other in OTHER.get(node.attr, ()):
                self.put(node, f"{self.source(node.value)}.{other}")
        self.generic_visit(node)

    def sides(self, node: ast.AST, left: ast.AST, right: ast.AST, symbol: str) -> tuple[str, str]:
        """What stands before and behind ``symbol``, with the brackets around either."""
        at = self.text.index(symbol, self.end(left), self.at(right))
        before, behind = self.text[self.at(node) : at], self.text[at + len(symbol) : self.end(node)]
        return before.rstrip(), behind.lstrip()

    # Text --------------------------------------------------------------------------------------

    def at(self, node: ast.AST) -> int:
        return self.character(node.lineno, node.col_offset)

    def end(self, node: ast.AST) -> int:
        return self.character(node.end_lineno, node.end_col_offset)

    def character(self, line: int, offset: int) -> int:
        """Of the text; the tree counts bytes of a line."""
        return self.begins[line - 1] + len(self.lines[line - 1][:offset].decode())

    def source(self, node: ast.AST) -> str:
        return self.text[self.at(node) : self.end(node)]

    def put(self, node: ast.AST, new: str) -> None:
        self.replace(self.at(node), self.end(node), new)

    def replace(self, start: int, end: int, new: str) -> None:
        self.found.append(Mistake(self.file, start, self.text[start:end], new))


def modules(root: Path, patterns: list[str]) -> Iterator[str]:
    """The files that ``patterns`` name, relative to ``root``, that hold more than a docstring."""
    for pattern in patterns:
        for path in sorted(root.glob(pattern)):
            if path.suffix == ".py" and len(ast.parse(path.read_text(encoding="utf-8")).body) > 1:
                yield path.relative_to(root).as_posix()
