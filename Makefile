# The commands of every day; each line can be typed as it stands.
.PHONY: setup demo test check format coverage pythons docs notebooks licences sbom advisories

setup:  ## the environment of Python and that of the page
	python3 -m pip install -q uv
	uv sync --all-packages
	cd web && npm ci --ignore-scripts

demo:  ## a synthetic market, from its file to the page
	uv run vp demo

test:  ## every test; `uv run pytest tests/vp_book` for one package
	uv run pytest

check:  ## what must be clean before a commit
	uv lock --check
	uv run ruff check
	uv run ruff format --check
	uv run mypy
	uv run mypy --config-file tests/mypy.ini
	uv run .ci/blocks
	cd web && npm run format:check && npm run lint && npm run check && npm test

format:  ## put the code in order
	uv run ruff check --fix
	uv run ruff format
	cd web && npm run format

docs:  ## the documentation as a site, into site/; a broken link fails
	uv run --group docs .ci/site

notebooks:  ## run those of docs/notebooks and write their pages anew
	uv run .ci/notebooks

licences:  ## docs/licences.md anew, from the lock files
	uv sync --all-packages --all-extras
	uv run --no-sync python .ci/licences.py

sbom:  ## what a release is made of, as CycloneDX, into build/
	mkdir -p build
	uv export --quiet --locked --all-packages --no-dev --format cyclonedx1.5 > build/python.cdx.json
	cd web && npm sbom --package-lock-only --omit dev --sbom-format cyclonedx > ../build/page.cdx.json

advisories:  ## known vulnerabilities of what is locked; fails when their databases cannot be asked
	.ci/advisories

coverage:  ## lines and branches that the tests reach, printed; PART=tests/vp_book for one package (docs in CONTRIBUTING.md)
	uv run coverage erase
	-CI=true uv run coverage run -m pytest -n 0 $(or $(PART),tests)
	uv run coverage combine -q
	uv run coverage report

pythons:  ## the libraries' tests under every newer Python of this machine
	.ci/pythons
