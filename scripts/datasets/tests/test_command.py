import contextlib
import io
import os
import pathlib
import unittest.mock

from lib import command
from lib.command import Dataset
from lib.ui import Fail
from tests import FolderCase


class CommandTest(FolderCase):
    """The command line, with a dataset of one file, no packages and no tools."""

    def setUp(self):
        super().setUp()
        self.built = 0
        self.content = "1"
        self.failure = None
        environment = unittest.mock.patch.dict(os.environ, {"DGBENCH_CACHE": str(self.folder)})
        environment.start()
        self.addCleanup(environment.stop)
        self.target = self.folder / "datasets/tiny"

    def build(self, folder, scratch, packages):
        self.assertEqual((list(folder.iterdir()), packages), ([], {}))
        (pathlib.Path(scratch) / "junk").touch()
        (folder / "file").write_text(self.content, encoding="utf-8")
        if self.failure:
            raise self.failure
        self.built += 1
        return {"images": 1}

    def run_main(self, *arguments, recipe=1):
        """(exit status, stdout, stderr)"""
        dataset = Dataset("tiny", "a test", recipe, (), self.build, tools=())
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = command.main(dataset, list(arguments))
        return status, out.getvalue(), err.getvalue()

    def left(self):
        return sorted(path.name for path in self.target.parent.iterdir())

    def test_builds_once_and_prints_the_folder(self):
        for _ in range(2):
            self.assertEqual(self.run_main()[:2], (0, f"{self.target}\n"))
        self.assertEqual((self.built, self.left()), (1, [".tiny.lock", "tiny"]))
        self.assertEqual(self.run_main()[2], "")

    def test_force_a_new_recipe_and_damage_build_anew(self):
        self.run_main()
        self.content = "2"
        self.assertEqual(self.run_main("--force")[0], 0)
        self.assertEqual((self.target / "file").read_text(encoding="utf-8"), "2")
        self.assertEqual(self.run_main(recipe=2)[0], 0)
        (self.target / "file").write_text("damaged", encoding="utf-8")
        self.assertEqual(self.run_main(recipe=2)[0], 0)
        self.assertEqual((self.built, self.left()), (4, [".tiny.lock", "tiny"]))

    def test_check_never_builds_and_says_what_is_wrong_in_one_line(self):
        status, out, err = self.run_main("--check")
        self.assertEqual((status, out, err.count("\n"), self.built), (1, "", 1, 0))
        self.assertIn("not built yet", err)
        self.run_main()
        self.assertEqual(self.run_main("--check"), (0, f"{self.target}\n", ""))
        (self.target / "more").touch()
        self.assertEqual(self.run_main("--check")[0], 1)

    def test_a_failed_build_leaves_nothing_half_made_and_the_old_dataset_alone(self):
        self.run_main()
        self.content = "2"
        for self.failure, status in ((Fail("no art"), 1), (OSError(28, "No space"), 1),
                                     (KeyboardInterrupt(), 130)):
            code, out, err = self.run_main("--force")
            self.assertEqual((code, out), (status, ""))
            self.assertTrue(err.splitlines()[-1].startswith("tiny: "))
            self.assertEqual(self.left(), [".tiny.lock", "tiny"])
        self.assertEqual((self.target / "file").read_text(encoding="utf-8"), "1")
        self.assertEqual(self.run_main("--check")[0], 0)

    def test_what_a_killed_build_left_is_removed(self):
        leftover = self.target.parent / ".tiny.build-dead"
        (leftover / "made").mkdir(parents=True)
        self.run_main()
        self.assertEqual(self.left(), [".tiny.lock", "tiny"])

    def test_missing_tools_are_asked_for_all_at_once(self):
        answer = unittest.mock.Mock(stdout="npm\npython3-pil\n", returncode=0)
        with unittest.mock.patch.object(command.subprocess, "run", return_value=answer):
            with self.assertRaisesRegex(Fail, "apt-get install .* npm python3-pil"):
                command.require_tools(None)
            command.require_tools(("dpkg",))

    def test_the_cache_folder_follows_the_environment(self):
        for variables, expected in (
            ({"DGBENCH_CACHE": "/a"}, "/a"),
            ({"DGBENCH_CACHE": "", "XDG_CACHE_HOME": "/x"}, "/x/dgbench"),
            ({"DGBENCH_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/dgbench"),
        ):
            with unittest.mock.patch.dict(os.environ, variables):
                self.assertEqual(str(command.cache_folder()), expected)
