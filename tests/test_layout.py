"""The rooms of the code: where a line may stand, and how much of it there may be."""

import ast
import statistics
import unittest

from tests import cases

PARTS = {path.stem: path for path in (cases.FOLDER / 'parts').glob('*.py')}
BLOG = cases.FOLDER / 'app.py'


def find_imports(path):
    """Return the names of all modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names |= {f'{node.module}.{alias.name}' for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return names


def count_lines(path):
    return len(path.read_text().splitlines())


class LayoutTest(unittest.TestCase):
    def test_a_part_knows_neither_the_blog_nor_which_application_it_is_in(self):
        for name, path in PARTS.items():
            with self.subTest(part=name):
                first = {imported.split('.')[0] for imported in find_imports(path)}
                self.assertTrue(first.isdisjoint({'app', 'test', 'tests', 'tools', 'None'}))
                self.assertNotIn('current_app', path.read_text())

    def test_all_arrows_between_the_parts_point_one_way(self):
        arrows = {
            'gallery': {'pictures', 'texts', 'thumbnails'},
            'thumbnails': {'pictures'},
            'album': {'archive', 'gallery', 'pictures'},
            'commands': {'album', 'archive', 'author', 'jsonfeed', 'moving', 'sqlite', 'tags'},
            'moving': {'jsonfeed', 'tagindex'},
            'jsonfeed': {'tagindex', 'tags', 'texts'},
            'tagindex': {'tags', 'texts'},
            'tags': {'texts'},
        }
        for name, path in PARTS.items():
            with self.subTest(part=name):
                imported = (module.split('.') for module in find_imports(path))
                others = {names[1] for names in imported if names[0] == 'parts'}
                self.assertEqual(others, arrows.get(name, set()))

    def test_every_part_has_a_file_of_tests(self):
        for name in PARTS:
            self.assertTrue((cases.FOLDER / 'tests' / f'test_{name}.py').exists(), name)

    def test_no_file_is_longer_than_a_reader_has_time_for(self):
        """Size is a feature: each line is read by every learner."""
        limits = {BLOG: 560, cases.FOLDER / 'test.py': 1400, **dict.fromkeys(PARTS.values(), 200)}
        for path, limit in limits.items():
            with self.subTest(file=path.name):
                self.assertLessEqual(count_lines(path), limit)
        self.assertLess(sum(map(count_lines, [BLOG, *PARTS.values()])), 2810)

    def test_no_function_is_longer_than_a_thought(self):
        lengths = []
        for path in [BLOG, *PARTS.values()]:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.FunctionDef):
                    lengths.append(node.end_lineno - node.lineno + 1)
                    with self.subTest(file=path.name, function=node.name):
                        self.assertLessEqual(lengths[-1], 30)
        self.assertLessEqual(statistics.median(lengths), 9)
