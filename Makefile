# Thin: everything is done by infra/local (python3 -m infra.local --help).

LOCAL := python3 -m infra.local

.DEFAULT_GOAL := help
.PHONY: help demo up down test browser screenshots bench fuzz check advisories watch package deploy

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## fetch mail from real servers into S3, and live through a year of reminders (no AWS account needed)
	@$(LOCAL) demo

up: ## start a local stack and leave it running; MAIL=0 without mail servers, MAIL_CA=file, PLAINTEXT_HOSTS=a,b, PARAMETERS='AdminProvider=sso …'
	@$(LOCAL) up $(if $(filter 0,$(MAIL)),--no-mail) $(if $(MAIL_CA),--mail-ca '$(MAIL_CA)') \
	  $(if $(PLAINTEXT_HOSTS),--plaintext-hosts '$(PLAINTEXT_HOSTS)') $(if $(PARAMETERS),-- $(PARAMETERS))

down: ## stop what `make up` started
	@$(LOCAL) down

test: ## all tests, against real servers; TEST='-p postroom-mail' for some
	@$(LOCAL) test $(if $(TEST),-- $(TEST))

browser: ## the tests in a browser alone; ONLY='consent' for those whose name has it
	@$(LOCAL) browser $(if $(ONLY),-- --test-name-pattern='$(ONLY)')

screenshots: ## take the pictures in docs/images anew
	@$(LOCAL) browser --screenshots

bench: ## measure Postroom beside other programs; RUNS=5, ONLY=reading,storing,memory,polling,distance,starting,pop3-reading,pop3-storing,pop3-memory,pop3-polling,attachments,scale, ARM=1
	@python3 -m infra.bench $(if $(RUNS),--runs $(RUNS)) $(if $(ONLY),--only $(ONLY)) $(if $(ARM),--arm)

fuzz: ## what servers and senders can say, made up for ten minutes each; SECONDS=3600, TARGET=imap
	@$(LOCAL) fuzz $(if $(SECONDS),--seconds '$(SECONDS)') $(if $(TARGET),--target '$(TARGET)')

check: ## formatting, lints, the template, the dependency policy, short runs of the fuzz targets
	@$(LOCAL) check

advisories: ## known vulnerabilities among the dependencies (fetches the advisory database)
	@$(LOCAL) advisories

watch: ## run the functions from their sources against the stack of `make up`, again at every change
	@$(LOCAL) watch

package: ## build and zip the functions for AWS, with a bill of materials; ARCH=arm64 or x86_64
	@$(LOCAL) package $(if $(ARCH),--architecture '$(ARCH)')

deploy: ## package, say what will change, and deploy; STACK=postroom, SETTINGS=file, PARAMETERS='LogLevel=debug …', TAGS='team=mail …', ARCH=arm64, CONFIRM=no, BUILD=no
	@$(LOCAL) deploy $(if $(ARCH),--architecture '$(ARCH)') $(if $(STACK),--stack '$(STACK)') \
	  $(if $(SETTINGS),--settings '$(SETTINGS)') $(if $(TAGS),--tags $(TAGS)) $(if $(filter no,$(CONFIRM)),--yes) \
	  $(if $(filter no,$(BUILD)),--built) $(if $(PARAMETERS),-- $(PARAMETERS))
