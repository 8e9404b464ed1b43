# `make run` starts everything on this machine; `make help` shows the rest.
# Settings are variables: make run GATEWAY_PORT=9080, make run LOG=kafka, KAFKA_BOOTSTRAP_SERVERS=host:9092 make run.

PYTHON ?=
NAME ?=
SERVICE ?=
SUBJECT ?=
DETACH ?=
FOLLOW ?=
ARGS ?=
RUN = .venv/bin/python -m
export PYTHONPATH :=
MAKEFLAGS += --no-print-directory

.DEFAULT_GOAL := help
.PHONY: help rotate run down stop clean logs status token demo bench chaos clients wheel fuzz nightly test lint types imports pytest fmt \
	asyncapi errors migration lock venv operators check-settings openapi openapi-lint

help: ## 显示帮助 this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo '  设置 settings: GATEWAY_PORT=… PORT_OFFSET=… LOG=kafka KAFKA_BOOTSTRAP_SERVERS=… RUN_DIR=… DETACH=1 PYTHON=…'

run: venv ## 启动本地环境 start everything (Ctrl-C stops it; DETACH=1 leaves it running)
	@$(RUN) deploy.local up $(if $(filter-out 0 no,$(DETACH)),--detach)

down: venv ## 停止，数据保留 stop, keep the data
	@$(RUN) deploy.local down

stop: down ## 同 down the same as down

clean: venv ## 停止并清除数据 stop and delete the data
	@$(RUN) deploy.local clean

logs: venv ## 查看日志 show logs (NAME=accounting-worker for one, FOLLOW=1 to keep showing)
	@$(RUN) deploy.local logs $(NAME) $(if $(FOLLOW),--follow)

status: venv ## 查看各进程 show the state of every process
	@$(RUN) deploy.local status

token: venv ## 运营人员令牌 print a development token of the second operator (8 hours; SUBJECT=ops-local for the first)
	@$(RUN) deploy.local token $(if $(SUBJECT),--subject $(SUBJECT))

operators: venv ## 运营人员登录信息 print how the two local operators log in
	@$(RUN) deploy.local operators

check-settings: venv ## 上线前检查 print every setting that PROFILE=production refuses, without starting (SERVICE=ingest for one)
	@$(RUN) deploy.check_settings $(SERVICE)

rotate: venv ## 更换密钥 rotate keys while the service runs (SERVICE=accounts KEY=signer|index|seal|status)
	@$(RUN) services.$(or $(SERVICE),accounts).keys $(or $(KEY),status)

demo: venv ## 演示：真实行程、志愿者的一年、一位市民的一生、运营方的一个早晨 start the stack if needed and play on it
	@$(RUN) deploy.demo

chaos: venv ## 故障注入 inject faults under load and check the result (SEED=1 LOG=postgres|kafka FAULTS=all|kafka|starve|… MINUTES=12)
	@$(RUN) tests.chaos

# Stories are different ones each time. A failure prints the steps that lead to it.
nightly: venv ## 夜间长测 long stories against the models, and writers for a minute (MINUTES=10 for each kind of story)
	@HYPOTHESIS_PROFILE=nightly PRIVACY_PEOPLE=10000 STORIES_FOR_S=$$((60 * $(or $(MINUTES),10))) WRITERS_FOR_S=60 \
		$(RUN) pytest tests tests/deploy/busy_machine.py -m "nightly or longer" -s --timeout 14400

clients: venv ## 示例客户端 build the sample clients of partners whose tools are there (Node, Go, Java)
	@$(RUN) deploy.clients

wheel: venv ## 合作方命令行 build tph, the partners' command line, as a wheel into dist/
	@$(RUN) deploy.tph.wheel dist

openapi: venv ## 生成接口类型 write the types of the TypeScript client from the OpenAPI documents (needs Node)
	@$(RUN) deploy.clients.api types

openapi-lint: venv ## 检查接口文档 lint the four OpenAPI documents with Redocly and Spectral (needs Node)
	@$(RUN) deploy.clients.api lint

fuzz: venv ## 坏输入 send generated and hostile input to every interface (SEED=1 MINUTES=8)
	@$(RUN) tests.fuzz

bench: venv ## 基准测试 benchmarks in under ten minutes, figures into the documents (ONLY=posting for one part, ONLY=orders BEFORE=commit)
	@$(RUN) tests.bench $(if $(ONLY),--only $(ONLY))

test: venv ## 全部检查 lint, types, import contracts, tests
	@started=$$(date +%s); code=0; \
	for step in lint types imports pytest; do $(MAKE) $$step || { code=$$?; break; }; done; \
	echo "总用时 total time: $$(($$(date +%s) - started)) s"; exit $$code

lint: venv ## 代码风格 style
	@$(RUN) ruff check . && $(RUN) ruff format --check .

types: venv ## 类型 types
	@$(RUN) mypy

imports: venv ## 模块边界 import contracts
	@.venv/bin/lint-imports

# Two processes, file by file: most tests wait for servers. Each process starts servers of its own.
pytest: venv ## 测试 tests (ARGS="tests/deploy -x" for some, one at a time)
	@$(RUN) pytest $(if $(ARGS),$(ARGS),-n 2 --dist loadfile --no-loadscope-reorder)

fmt: venv ## 自动整理 fix and format the code
	@$(RUN) ruff check --fix . ; $(RUN) ruff format .

asyncapi: venv ## 生成主题文档 write docs/asyncapi.yaml from the contracts
	@$(RUN) shared.asyncapi docs/asyncapi.yaml

errors: venv ## 生成错误代码页 write docs/errors.md from the catalogues of sentences
	@$(RUN) tests.contract.error_table

personal-data: venv ## 生成个人信息登记 write docs/personal-data.md from the registers of the services
	@$(RUN) tests.contract.personal_data_page

migration: venv ## 新建数据库迁移 write a migration from changed tables (SERVICE=accounting NAME=add_lots)
	@$(RUN) deploy.local.migration "$(SERVICE)" "$(NAME)"

lock: venv ## 更新锁定文件 resolve the dependencies into requirements.lock
	@test -x .cache/uv/bin/uv || { $(RUN) venv .cache/uv && .cache/uv/bin/python -m pip install --quiet uv; }
	@.cache/uv/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-annotate --quiet --custom-compile-command "make lock" --output-file requirements.lock

venv: ## 准备 Python 环境 make .venv from requirements.lock
	@sh deploy/local/venv.sh "$(PYTHON)"
