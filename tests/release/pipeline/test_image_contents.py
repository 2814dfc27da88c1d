"""What is taken from the files of an image."""

from __future__ import annotations

from release.pipeline.image_contents import debian_packages, os_release, python_package

STATUS = """\
Package: libssl3
Status: install ok installed
Source: openssl
Architecture: armhf
Version: 3.0.15-1~deb12u1
Description: Secure Sockets Layer toolkit
 This package is part of the OpenSSL project's implementation.
 .
 It has two paragraphs.

Package: bash
Status: install ok installed
Source: bash (5.2.15-2)
Architecture: armhf
Version: 5.2.15-2+b13

Package: gone
Status: deinstall ok config-files
Architecture: all
Version: 1.0

Package: halfway
Status: install ok unpacked
Architecture: all
Version: 1.0
"""


def test_only_installed_packages_of_debian_count() -> None:
    found = debian_packages(STATUS)
    assert [(p.name, p.version, p.fields["Source"]) for p in found] == [
        ("libssl3", "3.0.15-1~deb12u1", "openssl"),
        ("bash", "5.2.15-2+b13", "bash (5.2.15-2)"),
    ]
    assert debian_packages("") == []


def test_a_python_distribution_describes_itself() -> None:
    metadata = (
        "Metadata-Version: 2.4\nName: PyYAML\nVersion: 6.0.2\nLicense-Expression: MIT\n\nName: not this one\n"
    )
    (package,) = python_package(metadata, "/x/METADATA")
    assert (package.name, package.version, package.place) == ("PyYAML", "6.0.2", "/x/METADATA")
    assert package.fields["License-Expression"] == "MIT"


def test_what_describes_no_distribution_is_none() -> None:
    assert python_package("Name: half\n", "/x/METADATA") == []
    assert python_package("", "/x/METADATA") == []


def test_the_distribution_of_an_image() -> None:
    text = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n# a comment\nVERSION_ID="12"\nID=debian\n'
    assert os_release(text) == {
        "PRETTY_NAME": "Debian GNU/Linux 12 (bookworm)",
        "VERSION_ID": "12",
        "ID": "debian",
    }
