"""Versions and the trash, through the gateway and all real parts."""


class TestUndo:
    async def test_what_was_deleted_comes_back(self, new_person):
        """Conditions, entity tags, the trash and its routes pass the gateway as they are."""
        ada = await new_person()
        created = await ada.create("Buy milk")
        address, tag = created.headers["location"], created.headers["etag"]
        known = (await ada.client.get("/todos")).headers["etag"]

        unchanged = await ada.client.get("/todos", headers={"If-None-Match": known})
        deleted = await ada.client.delete(address, headers={"If-Match": tag})
        stale = await ada.client.post(f"{address}/restore", headers={"If-Match": tag})
        trash = await ada.client.get("/trash")
        restored = await ada.client.post(f"{address}/restore")

        assert (tag, known[:3], unchanged.status_code, unchanged.content) == ('"1"', 'W/"', 304, b"")
        assert (deleted.status_code, deleted.headers["x-sync-seq"]) == (204, "2")
        assert (stale.status_code, stale.json()["current"]["version"]) == (412, 2)
        assert [todo["title"] for todo in trash.json()] == ["Buy milk"]
        assert (restored.status_code, restored.headers["etag"]) == (200, '"3"')
        assert await ada.titles() == ["Buy milk"]

    async def test_the_trash_can_be_emptied(self, new_person):
        """One by one, or all at once."""
        ada = await new_person()
        addresses = [(await ada.create(title)).headers["location"] for title in ("a", "b", "c")]
        for address in addresses:
            await ada.client.delete(address)

        assert (await ada.client.delete(f"{addresses[0]}?permanent=true")).status_code == 204
        assert (await ada.client.delete("/trash")).json() == {"removed": 2, "remaining": 0}
        assert (await ada.client.get("/trash")).json() == []
