"""The rooms of the code: where a line may stand, and how much of it there may be."""

import ast
import unittest

from tests import cases

PARTS = {path.stem: path for path in (cases.FOLDER / 'parts').glob('*.py')}


def find_imports(path):
    """Return the parts that a file imports, and what it imports from Flask."""
    parts, flask = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        names = {alias.name for alias in getattr(node, 'names', [])}
        if isinstance(node, ast.ImportFrom) and node.module.startswith('parts'):
            parts |= names if node.module == 'parts' else {node.module.removeprefix('parts.')}
        elif isinstance(node, ast.ImportFrom) and node.module == 'flask':
            flask |= names
        elif isinstance(node, ast.Import):
            parts |= {name for name in names if name.split('.')[0] in ('app', 'parts')}
    return parts, flask


class LayoutTest(unittest.TestCase):
    def test_a_part_knows_neither_the_blog_nor_which_application_it_is_in(self):
        for name, path in PARTS.items():
            with self.subTest(part=name):
                parts, flask = find_imports(path)
                self.assertLessEqual(parts, set(PARTS))
                self.assertNotIn('current_app', flask)

    def test_all_arrows_between_the_parts_point_one_way(self):
        arrows = {
            'commands': {'author', 'jsonfeed', 'moving', 'sqlite'},
            'moving': {'jsonfeed'},
            'jsonfeed': {'texts'},
        }
        for name, path in PARTS.items():
            with self.subTest(part=name):
                self.assertEqual(find_imports(path)[0], arrows.get(name, set()))

    def test_no_file_is_longer_than_a_reader_has_time_for(self):
        """Size is a feature: each line is read by every learner."""
        limits = {cases.FOLDER / 'app.py': 500, cases.FOLDER / 'test.py': 1000}
        for path, limit in {**limits, **dict.fromkeys(PARTS.values(), 200)}.items():
            with self.subTest(file=path.name):
                self.assertLessEqual(len(path.read_text().splitlines()), limit)

    def test_no_function_of_the_blog_is_longer_than_a_thought(self):
        for path in [cases.FOLDER / 'app.py', *PARTS.values()]:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    with self.subTest(file=path.name, function=node.name):
                        self.assertLessEqual(node.end_lineno - node.lineno + 1, 30)
