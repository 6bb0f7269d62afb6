"""The architecture of a built template: it is what its layers were built for, and its parameter accepts no other."""

from pathlib import Path

import pytest

from local.errors import RunnerError
from local.template.architecture import fix_architecture, read_built_architecture
from local.template.intrinsics import load_yaml
from local.template.sam_template import Template

BUILT = """\
AWSTemplateFormatVersion: '2010-09-09'
Transform: AWS::Serverless-2016-10-31
Parameters:
  Architecture: {Type: String, Default: arm64, AllowedValues: [arm64, x86_64], Description: The processor}
  Other: {Type: String, Default: '0123'}
Globals:
  Function: {Runtime: python3.13, Architectures: [{Ref: Architecture}], Layers: [{Ref: Shared}]}
Resources:
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: Shared}
    Metadata: {BuildMethod: python3.13, BuildArchitecture: x86_64, SamResourceId: Shared}
  Step:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: Step, Handler: step.handler}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    (tmp_path / "Step").mkdir()
    (tmp_path / "Shared/python").mkdir(parents=True)
    (tmp_path / "template.yaml").write_text(BUILT)
    return tmp_path / "template.yaml"


def test_only_the_built_architecture_can_be_deployed(template: Path) -> None:
    before = load_yaml(template)
    fix_architecture(template)
    after = load_yaml(template)
    parameter = after["Parameters"].pop("Architecture")
    assert (parameter["Default"], parameter["AllowedValues"]) == ("x86_64", ["x86_64"])
    assert parameter["Description"] == before["Parameters"].pop("Architecture")["Description"]
    assert after == before


def test_a_built_layer_is_imported_from_its_python_folder(template: Path) -> None:
    function = Template.load(template, {}).functions["Step"]
    assert (function.runtime, function.code_folder) == ("python3.13", template.parent / "Step")
    assert function.layers == (template.parent / "Shared/python",)


@pytest.mark.parametrize("value", ["{Ref: Architecture}", "null"])
def test_a_template_that_is_not_built_is_refused(template: Path, value: str) -> None:
    template.write_text(BUILT.replace("BuildArchitecture: x86_64", f"BuildArchitecture: {value}"))
    with pytest.raises(RunnerError, match="BuildArchitecture"):
        read_built_architecture(template)


def test_a_template_without_the_parameter_is_refused(template: Path) -> None:
    template.write_text(BUILT.replace("  Architecture: {Type", "  Processor: {Type"))
    with pytest.raises(RunnerError, match="no parameter Architecture"):
        fix_architecture(template)
