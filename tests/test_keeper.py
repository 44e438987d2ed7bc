"""The keeper of `pixelgate up`: what it does of models that come, change, break and go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tasks.config.installed_models import checked_model, file_of, write_model
from tasks.storage.home import Home
from tests.command_line import prefect_at

if TYPE_CHECKING:
    from pathlib import Path

    from tests.image_trees import Tree
    from tests.prefect_server import PrefectServer


def install(home: Home, data: Path, **schedule: Any) -> None:
    """Install a model."""
    values = {"name": home.name, "data": str(data), "cron": "0 2 1 1 *", **schedule}
    write_model(home, checked_model(values, source="test"))


def test_a_model_keeps_its_deployments_until_it_is_removed(
    prefect_server: PrefectServer,
    image_tree: Tree,
    tmp_path: Path,
) -> None:
    """Also while its file is wrong, which is said once; the others are looked after."""
    home, data = Home("kept", tmp_path / "home"), image_tree()
    install(home, data)
    install(home.renamed("broken"), data)

    def deployed(name: str) -> dict[str, Any]:
        """Return the cron expression of each flow of a model."""
        found = prefect_server.ask("/deployments/filter", deployments={"name": {"any_": [name]}})
        return {
            each["entrypoint"].rpartition(".")[2]: [one["schedule"] for one in each["schedules"]]
            for each in found
        }

    with prefect_at(lambda: prefect_server):
        from flows.cli.deploying import deploy_models
        from tasks.orchestration.keeper import Keeper

        keeper = Keeper(home, lambda models: deploy_models(home, models, pool="kept"))
        keeper.look()
        flows = {"retrain", "drill", "housekeeping", "gate", "score"}
        assert set(deployed("kept")) == set(deployed("broken")) == flows
        file_of(home.renamed("broken")).write_text("cron = 3")
        install(home, data, cron="30 3 * * *")
        keeper.look()
        keeper.look()
        (said,) = keeper.told
        assert "broken.toml: data: Field required" in said
        assert set(deployed("broken")) == flows
        assert deployed("kept")["retrain"][0]["cron"] == "30 3 * * *"
        file_of(home).unlink()
        keeper.look()
        assert deployed("kept") == {}
        keeper.stop()
