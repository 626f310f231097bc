"""Uploads are small texts. A larger one is counted to its end and dropped, so that the form can say what is wrong."""

from __future__ import annotations

import io
from typing import Any

from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

#: A kubeconfig or a PEM is a few kilobytes.
LARGEST = 1024 * 1024


class Capped(FileUploadHandler):
    """Keeps at most LARGEST bytes of a file, in memory, and tells its true size."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.kept = io.BytesIO()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start < LARGEST:
            self.kept.write(raw_data[: LARGEST - start])

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self.kept.seek(0)
        return InMemoryUploadedFile(
            self.kept, self.field_name, self.file_name or "", self.content_type or "", file_size, self.charset
        )
