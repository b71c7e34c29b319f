"""Folders, and jobs on whole trees (API 3.8).

A deletion works on its own job for a few seconds before it answers, so a tree of some thousand files is gone by then;
what is left of a larger one goes in the background, with the tree locked for other jobs.
"""

from __future__ import annotations

from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from library import wire
from library.api import bodies
from library.api.auth import key_user
from library.identifiers import is_object_id
from library.models import BulkJob
from library.services.folders import create_folder
from library.services.jobs.requests import request_copy, request_delete, request_move, request_rename
from library.services.jobs.working import work_now
from mediahub.lib.clock import now as clock_now
from mediahub.lib.errors import NotFound


class FolderView(APIView):
    """`POST /v1/folder`: 201; `DELETE /v1/folder` with a JSON body: 204."""

    resource_group = "media"

    def post(self, request: Request) -> Response:
        name = bodies.required_text(request.data, "folderName")
        parent = bodies.required_text(request.data, "parentFolderPath")
        create_folder(account=key_user(request).account, parent_path=parent, name=name, now=clock_now())
        return Response({}, status=201)

    def delete(self, request: Request) -> Response:
        path = bodies.required_text(request.data, "folderPath")
        user = key_user(request)
        job = request_delete(account=user.account, path=path, actor=user.actor, now=clock_now())
        work_now(job)
        return Response(status=204)


class CopyFolderView(APIView):
    """`POST /v1/bulkJobs/copyFolder`; older clients call the switch `includeFileVersions`."""

    resource_group = "media"

    def post(self, request: Request) -> Response:
        user, body = key_user(request), request.data
        job = request_copy(
            account=user.account,
            source=bodies.required_text(body, "sourceFolderPath"),
            destination=bodies.required_text(body, "destinationPath"),
            include_versions=bodies.flag(body, "includeVersions") or bodies.flag(body, "includeFileVersions"),
            actor=user.actor,
            now=clock_now(),
        )
        return Response({"jobId": job.job_id})


class MoveFolderView(APIView):
    """`POST /v1/bulkJobs/moveFolder`."""

    resource_group = "media"

    def post(self, request: Request) -> Response:
        user = key_user(request)
        job = request_move(
            account=user.account,
            source=bodies.required_text(request.data, "sourceFolderPath"),
            destination=bodies.required_text(request.data, "destinationPath"),
            actor=user.actor,
            now=clock_now(),
        )
        return Response({"jobId": job.job_id})


class RenameFolderView(APIView):
    """`POST /v1/bulkJobs/renameFolder`: 202."""

    resource_group = "media"

    def post(self, request: Request) -> Response:
        user = key_user(request)
        job = request_rename(
            account=user.account,
            path=bodies.required_text(request.data, "folderPath"),
            name=bodies.required_text(request.data, "newFolderName"),
            purge_cache=bodies.flag(request.data, "purgeCache"),
            actor=user.actor,
            now=clock_now(),
        )
        return Response({"jobId": job.job_id}, status=202)


class BulkJobView(APIView):
    """`GET /v1/bulkJobs/{jobId}`."""

    resource_group = "media"

    def get(self, request: Request, job_id: str) -> Response:
        jobs = BulkJob.objects.filter(account=key_user(request).account, job_id=job_id)
        job = jobs.first() if is_object_id(job_id) else None
        if job is None:
            raise NotFound("The requested job does not exist.")
        return Response(wire.job_object(job))
