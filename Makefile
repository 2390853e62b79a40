# SPDX-License-Identifier: GPL-2.0
# vgw: redundant IPsec tunnel devices. "make help" lists the targets.

KDIR ?= /lib/modules/$(shell uname -r)/build
PREFIX ?= /usr/local
VERSION := 0.1
DKMS_SRC = $(DESTDIR)/usr/src/vgw-$(VERSION)

all: module vgwctl

help:
	@echo 'make                    module (for KDIR=$(KDIR)) and vgwctl'
	@echo 'make install            both, man page and completion (PREFIX=, DESTDIR=)'
	@echo 'make uninstall'
	@echo 'make dkms-install       the module by DKMS, for every kernel to come'
	@echo 'make demo               the story in QEMU, from nothing'
	@echo 'make check              static checks, KUnit, simulator and QEMU scenarios'
	@echo 'make check-fast         what to run at every edit'
	@echo 'make check-qemu         every scenario in QEMU; two hours'
	@echo 'make check-long         a thousand lives, 10,000 random steps, an idle day'
	@echo 'make check-uncached     every scenario with no bundle kept; half an hour'
	@echo 'make check-debug        any order on two CPUs, KASAN and lockdep; builds two kernels first'
	@echo 'make loss               Documentation/networking/loss.rst from simulated years'
	@echo 'make faults             Documentation/networking/faults.rst, 20 seeds of every row'
	@echo 'make bench              instructions per packet beside vti, xfrm, WireGuard, ovpn; writes'
	@echo '                        Documentation/networking/performance.rst; make bench-quick: hot rows'
	@echo 'make mutants            seeded bugs that the tests must catch'
	@echo 'make oracle             the kernel'"'"'s own selftests, stock devices and vgw compared'
	@echo 'make coverage           lines and branches of module/ that the tests reach'
	@echo 'make ynl                netlink header and policy from the specification'
	@echo 'make clean, distclean   distclean removes the lab as well'

module:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

vgwctl:
	$(MAKE) -C userspace

install: all
	$(MAKE) -C $(KDIR) M=$(CURDIR) INSTALL_MOD_PATH=$(DESTDIR) modules_install
	$(MAKE) -C userspace install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

uninstall:
	find $(DESTDIR)/lib/modules -name 'vgw.ko*' -path '*/updates/*' -delete
	depmod $(if $(DESTDIR),-b $(DESTDIR)) $(notdir $(patsubst %/build,%,$(KDIR)))
	$(MAKE) -C userspace uninstall PREFIX=$(PREFIX) DESTDIR=$(DESTDIR)

dkms-install:
	@command -v dkms >/dev/null || { echo 'dkms is missing; on Debian: apt-get install dkms'; exit 1; }
	install -d $(DKMS_SRC)/module $(DKMS_SRC)/uapi/linux
	sed 's/@VERSION@/$(VERSION)/' module/dkms.conf.in > $(DKMS_SRC)/dkms.conf
	install -m 644 module/Kbuild module/*.c module/*.h $(DKMS_SRC)/module
	install -m 644 uapi/linux/vgw.h $(DKMS_SRC)/uapi/linux
	echo 'obj-m += module/' > $(DKMS_SRC)/Kbuild
	dkms install vgw/$(VERSION)

demo:
	tests/lab/demo

check:
	tests/checks/all

check-qemu:
	tests/checks/all qemu-all

check-long:
	tests/checks/all sim-long

loss:
	tests/lab/provision host root
	tests/lab/enter make -s -C $(CURDIR)/tests/model all
	tests/lab/enter tests/model/loss_page

faults:
	rm -f build/faults/faults.jsonl
	VGW_SEEDS=20 tests/lab/run --sim --timeout 10800 --out build/faults -- \
		python3 -m pytest tests/scenarios/test_faults.py -q -rs
	tests/lab/enter tests/checks/faults_page build/faults/faults.jsonl

bench:
	tests/bench/all

bench-quick:
	tests/lab/run --icount --memory 3G --timeout 600 --out build/bench/quick -- tests/bench/run \
		--arms plain,xfrmi,vgw --rows tx64,tx1400,rx64,tcp --rounds 2

# Red as long as a row costs more than the ceiling: the new one is copied all the same.
bench-ceiling:
	tests/checks/all bench || test -s build/check/bench/ceiling
	cp build/check/bench/ceiling tests/bench/ceiling

mutants:
	tests/mutants/run

check-uncached:
	tests/checks/all uncached

check-debug:
	tests/checks/all debug

oracle:
	tests/checks/all oracle

coverage:
	tests/checks/all coverage

check-fast:
	tests/checks/all --fast

ynl:
	tests/lab/provision host root source
	tests/lab/enter tests/checks/ynl $$(tests/lab/path source)

clean:
	if [ -d $(KDIR) ]; then $(MAKE) -C $(KDIR) M=$(CURDIR) clean; fi
	$(MAKE) -C userspace clean

distclean: clean
	rm -rf build

.PHONY: all help module vgwctl install uninstall dkms-install demo check check-qemu check-long \
	check-fast check-uncached check-debug loss faults bench bench-quick bench-ceiling mutants \
	oracle coverage ynl clean distclean
