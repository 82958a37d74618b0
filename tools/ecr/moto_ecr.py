"""moto's server, with its ECR corrected where putting an image depends on it. `moto_ecr.py -H 127.0.0.1 -p PORT`

Vanilla moto 5.2.5 answers ImageAlreadyExists for any second manifest under an immutable tag, reads exclusion filters as
regular expressions, checks no digest, takes an index whose children are missing, and any number of ids.
"""

import copy
import fnmatch
import hashlib
import json
import threading

from moto.core.exceptions import ServiceException
from moto.ecr import models
from moto.ecr.exceptions import (
    ImageAlreadyExistsException,
    InvalidParameterException,
    RepositoryNotFoundException,
)

MAX_IDS = 100
one_at_a_time = threading.RLock()


class ImageTagAlreadyExistsException(ServiceException):
    code = "ImageTagAlreadyExistsException"


class ImageDigestDoesNotMatchException(ServiceException):
    code = "ImageDigestDoesNotMatchException"


class ReferencedImagesNotFoundException(ServiceException):
    code = "ReferencedImagesNotFoundException"


def find_repository(backend, name, registry_id=None):
    repository = backend.repositories.get(name)
    if repository is None:
        raise RepositoryNotFoundException(name, registry_id or backend.account_id)
    return repository


def is_immutable(repository, tag):
    setting = repository.image_tag_mutability
    rule = str(getattr(setting, "value", setting)).startswith("IMMUTABLE")
    filters = repository.image_tag_mutability_exclusion_filters or []
    is_excluded = any(fnmatch.fnmatchcase(tag, one["filter"]) for one in filters)
    return rule != is_excluded


def read_manifest(text):
    try:
        return json.loads(text)
    except ValueError:
        raise InvalidParameterException(
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"
        ) from None


def put_image(self, repository_name, image_manifest, image_tag, image_manifest_mediatype=None, digest=None):
    with one_at_a_time:
        repository = find_repository(self, repository_name)
        manifest = read_manifest(image_manifest)
        media_type = image_manifest_mediatype or manifest.get("mediaType")
        if not media_type:
            raise InvalidParameterException("image manifest mediatype not provided in manifest or parameter")
        actual = "sha256:" + hashlib.sha256(image_manifest.encode()).hexdigest()
        if digest and digest != actual:
            raise ImageDigestDoesNotMatchException(f"digest {digest} is not {actual}")
        stored = {image.get_image_digest(): image for image in repository.images}
        missing = [child["digest"] for child in manifest.get("manifests", []) if child["digest"] not in stored]
        if missing:
            raise ReferencedImagesNotFoundException(
                f"Images with digests {missing} required for pushing image do not exist"
            )
        return put_tag(self, repository, stored.get(actual), image_manifest, image_tag, media_type, actual)


def put_tag(backend, repository, image, text, tag, media_type, digest):
    holder = next((one for one in repository.images if tag and tag in one.image_tags), None)
    if image is not None and not tag:
        return image
    if image is not None and holder is image:
        raise ImageAlreadyExistsException(repository.name, repository.registry_id, digest, tag)
    if holder is not None:
        if is_immutable(repository, tag):
            raise ImageTagAlreadyExistsException(
                f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be "
                "overwritten because the tag is immutable."
            )
        holder.remove_tag(tag)  # The old image stays, without a tag.
    if image is None:
        image = models.Image(backend.account_id, tag, text, repository.name, media_type, digest)
        repository.images.append(image)
    else:
        image.update_tag(tag)
    return image


def batch_get_image(self, repository_name, registry_id=None, image_ids=None):
    repository = find_repository(self, repository_name, registry_id)
    if not image_ids or len(image_ids) > MAX_IDS:
        raise InvalidParameterException(
            "Invalid parameter at 'imageIds' failed to satisfy constraint: 'Member must have length between 1 and 100'"
        )
    answer = {"images": [], "failures": []}
    for wanted in image_ids:
        image = next((one for one in list(repository.images) if is_wanted(one, wanted)), None)
        if image is None:
            answer["failures"].append(
                {
                    "imageId": dict(wanted),
                    "failureCode": "ImageNotFound",
                    "failureReason": "Requested image not found",
                }
            )
        else:
            found = copy.copy(image)
            found.image_tag = wanted.get("imageTag") or image.image_tag
            answer["images"].append(found)
    return answer


def is_wanted(image, wanted):
    digest, tag = wanted.get("imageDigest"), wanted.get("imageTag")
    return (digest is None or digest == image.get_image_digest()) and (tag is None or tag in image.image_tags)


models.ECRBackend.put_image = put_image
models.ECRBackend.batch_get_image = batch_get_image

if __name__ == "__main__":
    from moto.server import main

    main()
