# `make run` starts everything on this machine; `make help` shows the rest.
# Settings are variables: make run GATEWAY_PORT=9080, make run LOG=kafka, KAFKA_BOOTSTRAP_SERVERS=host:9092 make run.

PYTHON ?=
NAME ?=
DETACH ?=
FOLLOW ?=
ARGS ?=
RUN = .venv/bin/python -m
export PYTHONPATH :=
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help run down clean logs status token demo bench chaos fuzz test lint types imports pytest fmt lock venv

help: ## 显示帮助 this help
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile
	@echo '  设置 settings: GATEWAY_PORT=… PORT_OFFSET=… LOG=kafka KAFKA_BOOTSTRAP_SERVERS=… RUN_DIR=… DETACH=1 PYTHON=…'

run: venv ## 启动本地环境 start everything (Ctrl-C stops it; DETACH=1 leaves it running)
	@$(RUN) deploy.local up $(if $(filter-out 0 no,$(DETACH)),--detach)

down: venv ## 停止, 数据保留 stop, keep the data
	@$(RUN) deploy.local down

clean: venv ## 停止并清除数据 stop and delete the data
	@$(RUN) deploy.local clean

logs: venv ## 查看日志 show logs (NAME=accounting-worker for one, FOLLOW=1 to keep showing)
	@$(RUN) deploy.local logs $(NAME) $(if $(FOLLOW),--follow)

status: venv ## 查看各进程 show every process
	@$(RUN) deploy.local status

token: venv ## 运营人员令牌 print a second operator's token
	@$(RUN) deploy.local token

demo: venv ## 演示 play a day of the city against the running stack
	@$(RUN) deploy.demo

chaos: venv ## 故障注入 break everything under load and check (SEED=1 LOG=postgres|kafka FAULTS=all|kafka|… MINUTES=12)
	@$(RUN) tests.chaos

fuzz: venv ## 坏输入 generated and hostile input on every interface (SEED=1 MINUTES=6)
	@$(RUN) tests.fuzz

bench: venv ## 基准测试 benchmarks in under ten minutes (ONLY=posting for one part)
	@$(RUN) tests.bench $(if $(ONLY),--only $(ONLY))

test: venv ## 全部检查 all checks: lint, types, imports, tests
	@started=$$(date +%s); code=0; \
	for step in lint types imports pytest; do $(MAKE) $$step || { code=$$?; break; }; done; \
	echo "总用时 total time: $$(($$(date +%s) - started)) s"; exit $$code

lint: venv ## 代码风格 style
	@$(RUN) ruff check . && $(RUN) ruff format --check .

types: venv ## 类型 types
	@$(RUN) mypy

imports: venv ## 模块边界 borders between modules
	@.venv/bin/python -c 'from importlinter.cli import lint_imports_command as run; run()'

# Two at a time, file by file: most of them wait for servers. Each of the two has servers of its own.
pytest: venv ## 测试 tests (ARGS="tests/deploy -x" for some, one at a time)
	@$(RUN) pytest $(if $(ARGS),$(ARGS),-n 2 --dist loadfile --no-loadscope-reorder)

fmt: venv ## 自动整理 tidy the code
	@$(RUN) ruff check --fix . ; $(RUN) ruff format .

lock: venv ## 更新锁定文件 resolve dependencies anew into requirements.lock
	@test -x .cache/uv/bin/uv || { $(RUN) venv .cache/uv && .cache/uv/bin/python -m pip install --quiet uv; }
	@.cache/uv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --quiet --custom-compile-command "make lock" --output-file requirements.lock

venv: ## 准备 Python 环境 make .venv from requirements.lock
	@sh deploy/local/venv.sh "$(PYTHON)"
